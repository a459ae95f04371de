#include "worker/key_fetch/fetch_channel.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The test is the fetcher.
class FetchChannelTest : public testing::Test, public FetchChannel::Sink {
 protected:
  FetchChannelTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fetcher_ = ends[1];
    channel_ = std::make_unique<FetchChannel>(FetcherProcess{.channel = ends[0]}, this);
    channel_->Attach(loop_.get());
  }
  ~FetchChannelTest() override { close(fetcher_); }

  void OnFetched(uint32_t id, FetchResult result) override {
    results_.push_back(std::to_string(id) + " " + result.document + " " + result.cache_control +
                       " " + result.error);
  }
  void OnFetcherLost(const std::string& why) override { lost_.push_back(why); }

  void Say(uint32_t id, FetchReplyKind kind, const std::string& text = "") {
    const FetchReplyHead head{id, kind};
    std::string packet(reinterpret_cast<const char*>(&head), sizeof(head));
    SayBytes(packet + text);
  }
  void SayBytes(const std::string& packet) {
    EXPECT_EQ(send(fetcher_, packet.data(), packet.size(), 0), static_cast<ssize_t>(packet.size()));
    loop_.Turn();
  }

  std::string Hear() {
    char packet[8192];
    const ssize_t size = recv(fetcher_, packet, sizeof(packet), MSG_DONTWAIT);
    return size < 0 ? "nothing" : std::string(packet, static_cast<size_t>(size));
  }

  int fetcher_;
  std::vector<std::string> results_;
  std::vector<std::string> lost_;
  std::unique_ptr<FetchChannel> channel_;
  TestLoop loop_;
};

TEST_F(FetchChannelTest, ARequestIsItsNumberAndTheUrl) {
  EXPECT_EQ(channel_->Send(7, "https://a.example/", 0), "");
  EXPECT_EQ(Hear(), std::string("\7\0\0\0https://a.example/", 22));
}

TEST_F(FetchChannelTest, PartsOfAnswersArePutTogether) {
  Say(0, FetchReplyKind::kStarted);
  EXPECT_THAT(lost_, IsEmpty());
  channel_->Send(1, "https://a.example/", 0);
  channel_->Send(2, "https://b.example/", 0);
  Say(1, FetchReplyKind::kDocument, "a1");
  Say(2, FetchReplyKind::kFailed, "no route\nto\x80\xffhost");
  Say(1, FetchReplyKind::kDocument, "a2");
  Say(1, FetchReplyKind::kCacheControl, "max-age=1");
  Say(1, FetchReplyKind::kDone);
  EXPECT_THAT(results_, ElementsAre("2   no route?to??host", "1 a1a2 max-age=1 "));
}

TEST_F(FetchChannelTest, WhatNobodyAskedForIsNotTaken) {
  Say(9, FetchReplyKind::kDocument, "x");
  Say(9, FetchReplyKind::kDone);
  channel_->Send(1, "https://a.example/", 0);
  Say(1, FetchReplyKind::kDone);
  Say(1, FetchReplyKind::kDone);
  EXPECT_THAT(results_, ElementsAre("1   "));
}

TEST_F(FetchChannelTest, AFetcherThatWasReplacedHasLostWhatItWasAsked) {
  channel_->Send(1, "https://a.example/", 0);
  Say(1, FetchReplyKind::kDocument, "half");
  Say(0, FetchReplyKind::kStarted);
  Say(1, FetchReplyKind::kDone);
  EXPECT_THAT(lost_, ElementsAre(HasSubstr("crashed")));
  EXPECT_THAT(results_, IsEmpty());
  EXPECT_EQ(channel_->Send(2, "https://a.example/", 0), "");
}

TEST_F(FetchChannelTest, WhatNobodyWaitsForAnyMoreIsForgotten) {
  channel_->Send(1, "https://a.example/", 0);
  channel_->Send(2, "https://b.example/", 1);
  Say(1, FetchReplyKind::kDocument, "half");
  channel_->Send(3, "https://c.example/", FetchChannel::kMaxAgeMs);
  for (const uint32_t id : {1, 2, 3}) Say(id, FetchReplyKind::kDone);
  EXPECT_THAT(results_, ElementsAre("2   ", "3   "));
}

TEST_F(FetchChannelTest, AnAnswerThatIsTooLongEndsTheChannel) {
  channel_->Send(1, "https://a.example/", 0);
  for (size_t sent = 0; sent < kMaxDocument; sent += kPacketText) {
    Say(1, FetchReplyKind::kDocument, std::string(kPacketText, 'x'));
  }
  EXPECT_THAT(lost_, IsEmpty());
  Say(1, FetchReplyKind::kDocument, "x");
  EXPECT_THAT(lost_, ElementsAre(HasSubstr("broke its protocol")));
  EXPECT_NE(channel_->Send(2, "https://a.example/", 0), "");
}

TEST_F(FetchChannelTest, PacketsThatAreNoneEndTheChannel) {
  SayBytes("xy");
  EXPECT_THAT(lost_, ElementsAre(HasSubstr("broke its protocol")));
}

TEST_F(FetchChannelTest, SoDoesAPacketThatIsTooLong) {
  channel_->Send(1, "https://a.example/", 0);
  Say(1, FetchReplyKind::kDocument, std::string(kPacketText + 1, 'x'));
  EXPECT_THAT(lost_, ElementsAre(HasSubstr("broke its protocol")));
}

TEST_F(FetchChannelTest, AndOneOfAnUnknownKind) {
  channel_->Send(1, "https://a.example/", 0);
  Say(1, static_cast<FetchReplyKind>(99));
  EXPECT_THAT(lost_, ElementsAre(HasSubstr("broke its protocol")));
}

TEST_F(FetchChannelTest, TheEndOfTheProcessIsTold) {
  channel_->Send(1, "https://a.example/", 0);
  close(fetcher_);
  loop_.Turn();
  EXPECT_THAT(lost_, ElementsAre(HasSubstr("has ended")));
  EXPECT_NE(channel_->Send(2, "https://a.example/", 0), "");
}

TEST_F(FetchChannelTest, WhatTheFetcherDoesNotTakeFailsAtOnce) {
  std::string problem;
  for (uint32_t id = 1; problem.empty() && id < 100000; ++id) {
    problem = channel_->Send(id, "https://a.example/" + std::string(2000, 'x'), 0);
  }
  EXPECT_THAT(problem, HasSubstr("could not be sent"));
}

// A process that is ending closes what it had open before it can be waited for.
TEST(FetcherProcessTest, IsWaitedForWhenItEndsBehindItsChannel) {
  class : public FetchChannel::Sink {
   public:
    bool is_lost = false;

   private:
    void OnFetched(uint32_t, FetchResult) override {}
    void OnFetcherLost(const std::string&) override { is_lost = true; }
  } sink;
  int ends[2];
  int let_end[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
  ASSERT_EQ(pipe(let_end), 0);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    close(ends[1]);
    close(let_end[1]);
    char end;
    while (read(let_end[0], &end, 1) > 0) {
    }
    _exit(0);
  }
  close(ends[1]);
  close(let_end[0]);
  FetchChannel channel({.pid = pid, .channel = ends[0]}, &sink);
  TestLoop loop;
  channel.Attach(loop.get());
  loop.RunUntil([&] { return sink.is_lost; });
  EXPECT_EQ(kill(pid, 0), 0);
  close(let_end[1]);
  loop.RunUntil([&] { return kill(pid, 0) != 0; });
}

TEST(NoFetcherTest, EachRequestFails) {
  class : public FetchChannel::Sink {
    void OnFetched(uint32_t, FetchResult) override {}
    void OnFetcherLost(const std::string&) override {}
  } sink;
  TestLoop loop;
  FetchChannel channel({}, &sink);
  channel.Attach(loop.get());
  EXPECT_NE(channel.Send(1, "https://a.example/", 0), "");
}

}  // namespace
}  // namespace fsubs
