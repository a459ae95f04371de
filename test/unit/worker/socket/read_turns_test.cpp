#include "worker/socket/read_turns.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "test/unit/worker/test_loop.hpp"
#include "worker/socket/tcp_stream.hpp"

namespace fsubs {
namespace {

class ReadTurnsTest : public testing::Test {
 protected:
  // A peer, and the stream that reads what it sends and uses up a turn for every piece of it.
  class Peer final : public StreamUser {
   public:
    Peer(char name, int fd, std::string* order) : name_(name), fd_(fd), order_(order) {}
    ~Peer() override { close(fd_); }

    void OnBytes(std::span<unsigned char> bytes) override {
      const uint64_t begun = uv_hrtime();
      while (uv_hrtime() - begun < 5'000'000) {
      }
      *order_ += name_;
      if (sends_more_) Send(bytes.size());
    }
    void OnEnd() override {}
    void OnWritable() override {}
    void OnBroken() override {}

    void Send(size_t bytes) {
      EXPECT_EQ(send(fd_, std::string(bytes, 'x').data(), bytes, 0), static_cast<ssize_t>(bytes));
    }
    void SendForEver() {
      sends_more_ = true;
      Send(1);
    }

   private:
    const char name_;
    const int fd_;
    std::string* const order_;
    bool sends_more_ = false;
  };

  struct Pair {
    Peer* peer;
    TcpStream* stream;
  };

  Pair Connect(char name) {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    auto* const stream = new TcpStream(loop_.get(), turns_.get(), &buffer_, fds[0]);
    auto peer = std::make_unique<Peer>(name, fds[1], &order_);
    Peer* const kept = peer.get();
    stream->Start(std::move(peer));
    return {kept, stream};
  }

  std::string order_;
  TcpStream::ReadBuffer buffer_ = TcpStream::ReadBuffer(1024);
  TestLoop loop_;
  std::unique_ptr<ReadTurns> turns_ = std::make_unique<ReadTurns>(loop_.get());
};

TEST_F(ReadTurnsTest, OneThatSendsAllTheTimeDoesNotKeepOthersWaiting) {
  const Pair greedy = Connect('g');
  const Pair other = Connect('o');
  greedy.peer->SendForEver();
  other.peer->Send(1);
  loop_.RunUntil([&] { return order_.find('o') != std::string::npos; });
  EXPECT_LE(order_.find('o'), 1u) << order_;
  greedy.stream->Close();
  other.stream->Close();
}

TEST_F(ReadTurnsTest, ThoseThatWaitAreReadInTheirOrder) {
  const Pair pairs[] = {Connect('a'), Connect('b'), Connect('c')};
  for (const Pair& pair : pairs) pair.peer->SendForEver();
  loop_.RunUntil([&] { return order_.size() == 9; });
  const std::string first = order_.substr(0, 3);
  EXPECT_EQ(order_, first + first + first);
  for (const Pair& pair : pairs) pair.stream->Close();
}

TEST_F(ReadTurnsTest, OneThatIsClosedWhileItWaitsIsNotRead) {
  const Pair pairs[] = {Connect('a'), Connect('b')};
  for (const Pair& pair : pairs) pair.peer->Send(1);
  loop_.RunUntil([&] { return !order_.empty(); });
  ASSERT_EQ(order_.size(), 1u);
  pairs[order_ == "a" ? 1 : 0].stream->Close();
  pairs[order_ == "a" ? 0 : 1].peer->Send(1);
  loop_.RunUntil([&] { return order_.size() == 2; });
  EXPECT_EQ(order_[1], order_[0]);
  pairs[order_[0] == 'a' ? 0 : 1].stream->Close();
}

TEST_F(ReadTurnsTest, WhoeverIsTakenOutOfTheLineLeavesTheOrderOfTheOthers) {
  struct Named final : Reader {
    Named(char its_name, std::string* read) : name(its_name), order(read) {}
    void Read() override { *order += name; }
    const char name;
    std::string* const order;
  };
  Named readers[] = {
      {'a', &order_}, {'b', &order_}, {'c', &order_}, {'d', &order_}, {'e', &order_}};
  for (Named& reader : readers) turns_->Queue(&reader);
  for (const size_t i : {0, 2, 4}) turns_->Remove(&readers[i]);
  turns_->Queue(&readers[2]);
  loop_.RunUntil([&] { return order_.size() == 3; });
  EXPECT_EQ(order_, "bdc");
  for (Named& reader : readers) turns_->Queue(&reader);
  for (Named& reader : readers) turns_->Remove(&reader);
  turns_->Queue(&readers[0]);
  loop_.RunUntil([&] { return order_.size() == 4; });
  EXPECT_EQ(order_, "bdca");
}

}  // namespace
}  // namespace fsubs
