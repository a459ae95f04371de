#include "worker/bus/redis/consumer_group.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/unit/worker/bus/redis/replies.hpp"
#include "test/unit/worker/bus/redis/resp.hpp"
#include "worker/bus/redis/stream_entry.hpp"

namespace fsubs {
namespace {

using testing::ElementsAre;

const Reply kOk{.type = Reply::Type::kStatus, .text = "OK"};

Reply Stream(uint64_t last, int64_t added) {
  const auto text = [](const std::string& t) {
    return Reply{.type = Reply::Type::kText, .text = t};
  };
  return {.type = Reply::Type::kArray,
          .elements = {text("last-generated-id"), text(EntryId(last)), text("entries-added"),
                       Reply{.type = Reply::Type::kInteger, .integer = added}}};
}

class ConsumerGroupTest : public testing::Test {
 protected:
  std::vector<CommandWords> Tell(uint64_t sequence) {
    Pipeline pipeline;
    group_.AddTo("s", sequence, &pipeline);
    return TakeCommands(pipeline.commands());
  }
  void Answer(const std::vector<Reply>& replies) { group_.OnReplies(replies); }
  // The group is there, and says event 10 of a stream with 12.
  void Make() {
    Tell(10);
    Answer({Stream(12, 12)});
    Tell(10);
    Answer({Stream(12, 12), kOk, kOk});
  }

  ConsumerGroup group_{"n"};
};

TEST_F(ConsumerGroupTest, IsMadeOnceTheStreamIsKnown) {
  EXPECT_THAT(Tell(10), ElementsAre(ElementsAre("XINFO", "STREAM", "s")));
  Answer({ErrorReply("ERR no such key")});
  EXPECT_EQ(group_.stream_end(), 0u);
  EXPECT_THAT(Tell(10), ElementsAre(ElementsAre("XINFO", "STREAM", "s")));
  Answer({Stream(12, 9)});
  EXPECT_EQ(group_.stream_end(), 12u);
  EXPECT_THAT(Tell(10),
              ElementsAre(ElementsAre("XINFO", "STREAM", "s"),
                          ElementsAre("XGROUP", "CREATE", "s", "n", "10-0"),
                          ElementsAre("XGROUP", "SETID", "s", "n", "10-0", "ENTRIESREAD", "7")));
}

TEST_F(ConsumerGroupTest, IsToldWhenThePlaceIsAnother) {
  Make();
  EXPECT_THAT(Tell(10), ElementsAre(ElementsAre("XINFO", "STREAM", "s")));
  Answer({Stream(12, 12)});
  EXPECT_THAT(Tell(11),
              ElementsAre(ElementsAre("XINFO", "STREAM", "s"),
                          ElementsAre("XGROUP", "SETID", "s", "n", "11-0", "ENTRIESREAD", "11")));
}

TEST_F(ConsumerGroupTest, IsMadeAgainWhenItIsGone) {
  Make();
  Tell(11);
  Answer({Stream(12, 12), ErrorReply("NOGROUP No such consumer group")});
  EXPECT_EQ(Tell(11).size(), 3u);
}

TEST_F(ConsumerGroupTest, OfARedisThatCountsNoEntriesItTellsNone) {
  Make();
  Tell(11);
  Answer({Stream(12, 12), ErrorReply("ERR syntax error")});
  EXPECT_THAT(Tell(11), ElementsAre(ElementsAre("XINFO", "STREAM", "s"),
                                    ElementsAre("XGROUP", "SETID", "s", "n", "11-0")));
}

TEST_F(ConsumerGroupTest, ThatIsNotAllowedIsNotTriedAgain) {
  Tell(10);
  Answer({Stream(12, 12)});
  Tell(10);
  Answer({Stream(12, 12), ErrorReply("NOPERM no"), ErrorReply("NOPERM no")});
  EXPECT_THAT(Tell(11), ElementsAre(ElementsAre("XINFO", "STREAM", "s")));
  // How far the stream goes is known all the same.
  Answer({Stream(20, 20)});
  EXPECT_EQ(group_.stream_end(), 20u);
}

TEST_F(ConsumerGroupTest, InAnotherStreamItIsMadeAnew) {
  Make();
  group_.Leave();
  EXPECT_EQ(group_.stream_end(), 0u);
  EXPECT_EQ(Tell(1).size(), 1u);
  Answer({Stream(2, 2)});
  EXPECT_EQ(Tell(1).size(), 3u);
}

}  // namespace
}  // namespace fsubs
