#include "worker/bus/redis/source_claim.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "contract/ring_writer.hpp"
#include "test/unit/worker/bus/redis/resp.hpp"
#include "test/unit/worker/bus/redis/source_rows.hpp"

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Standing = SourceClaim::Standing;

constexpr char kSources[] = "fraiseql_subs:{db}:sources";

CommandWords Words(const std::string& text) {
  return TakeCommands(text).at(0);
}

class SourceClaimTest : public testing::Test {
 protected:
  SourceClaimTest() { InitRing(ring(), 4096, 0x1f); }

  RingHeader* ring() { return reinterpret_cast<RingHeader*>(region_.data()); }

  SourceClaim Make(uint64_t max_age_ms = 0) {
    return SourceClaim(
        {.ring = ring(), .keys = &keys_, .node = "own node", .max_age_ms = max_age_ms});
  }

  // What is between MULTI and EXEC.
  static std::vector<CommandWords> Claimed(SourceClaim* claim, const SourceTable& sources) {
    EXPECT_EQ(claim->Begin(sources), Standing::kNone);
    const Pipeline transaction = claim->Claim(sources);
    std::vector<CommandWords> commands = TakeCommands(transaction.commands());
    EXPECT_EQ(transaction.replies(), commands.size());
    EXPECT_THAT(commands.front(), ElementsAre("MULTI"));
    EXPECT_THAT(commands.back(), ElementsAre("EXEC"));
    return {commands.begin() + 1, commands.end() - 1};
  }

  std::vector<uint64_t> region_ = std::vector<uint64_t>((kRingHeaderSize + 4096) / 8);
  RedisKeys keys_{"db"};
};

TEST_F(SourceClaimTest, TheFirstSourceOfABusIsNumberOne) {
  SourceClaim claim = Make(1000);
  EXPECT_THAT(Claimed(&claim, MakeSourceTable({})),
              ElementsAre(ElementsAre("HSET", kSources, "1f", "1 - own node")));
  EXPECT_EQ(claim.Check(MakeSourceTable({{"1f", "1 - own node"}})), Standing::kNewest);
}

TEST_F(SourceClaimTest, ComesAfterTheOneThatPublishedBeforeIt) {
  SourceClaim claim = Make();
  EXPECT_THAT(Claimed(&claim, MakeSourceTable({{"1", "4 - other"}})),
              ElementsAre(ElementsAre("HSET", kSources, "1", "4 - other"),
                          ElementsAre("HSET", kSources, "1f", "5 - own node")));
}

TEST_F(SourceClaimTest, WhatTheOneBeforeItLeavesIsKeptForTheAgeOfAStreamAndAMinuteAtLeast) {
  for (const auto& [age_ms, kept_ms] : {std::pair(1000, "60000"), std::pair(90'000, "90000")}) {
    SourceClaim claim = Make(static_cast<uint64_t>(age_ms));
    EXPECT_THAT(Claimed(&claim, MakeSourceTable({{"1", "4 - other"}}))[1],
                ElementsAre("PEXPIRE", "fraiseql_subs:{db}:stream:1", kept_ms));
  }
}

TEST_F(SourceClaimTest, OfTheRingBeforeACrashItTellsHowManyEventsItHadAtLeast) {
  ring()->predecessors[0] = {.epoch = 0x1e, .sequences = 7};
  ring()->predecessors[1] = {.epoch = 0x1d, .sequences = 5};
  SourceClaim claim = Make();
  EXPECT_THAT(Claimed(&claim, MakeSourceTable({{"1d", "1 5+ own node"}, {"1e", "2 - own node"}})),
              ElementsAre(ElementsAre("HSET", kSources, "1e", "2 7+ own node"),
                          ElementsAre("HSET", kSources, "1f", "3 - own node")));
}

TEST_F(SourceClaimTest, TheOldestAreForgottenWithTheirStreams) {
  SourceRows fields;
  for (size_t i = 1; i <= SourceTable::kMost + 1; ++i) {
    fields.emplace_back(EpochName(0x100 + i), std::to_string(i) + " 0 other");
  }
  SourceClaim claim = Make();
  const auto commands = Claimed(&claim, MakeSourceTable(fields));
  ASSERT_EQ(commands.size(), 6u);
  EXPECT_THAT(commands[2], ElementsAre("HDEL", kSources, "101"));
  EXPECT_THAT(commands[3], ElementsAre("UNLINK", "fraiseql_subs:{db}:stream:101"));
  EXPECT_THAT(commands[4], ElementsAre("HDEL", kSources, "102"));
  EXPECT_THAT(commands[5], ElementsAre("UNLINK", "fraiseql_subs:{db}:stream:102"));
}

TEST_F(SourceClaimTest, AWorkerThatIsStartedAgainFindsTheClaimOfTheOneBefore) {
  SourceClaim claim = Make();
  EXPECT_EQ(claim.Begin(MakeSourceTable({{"1", "2 3 other"}, {"1f", "3 - own node"}})),
            Standing::kNewest);
  EXPECT_THAT(Words(claim.CloseCommand(9)), ElementsAre("HSET", kSources, "1f", "3 9 own node"));
}

TEST_F(SourceClaimTest, ThatWasClosedIsOpenedAgainUnderItsNumber) {
  SourceClaim claim = Make();
  EXPECT_THAT(Claimed(&claim, MakeSourceTable({{"1", "2 3 other"}, {"1f", "3 9 own node"}})),
              ElementsAre(ElementsAre("HSET", kSources, "1f", "3 - own node")));
}

TEST_F(SourceClaimTest, ThatAnotherHasComeAfterIsNotClaimedAgain) {
  const SourceTable sources = MakeSourceTable({{"1f", "3 - own node"}, {"20", "4 - other"}});
  SourceClaim claim = Make();
  EXPECT_EQ(claim.Begin(sources), Standing::kReplaced);
  EXPECT_EQ(claim.Check(sources), Standing::kReplaced);
}

TEST_F(SourceClaimTest, IsToBeClaimedAgainWhenRedisHasLostItAndNotWhenAnotherHasComeAfter) {
  SourceClaim claim = Make();
  Claimed(&claim, MakeSourceTable({{"1", "4 - other"}}));
  EXPECT_EQ(claim.Check(MakeSourceTable({})), Standing::kNone);
  EXPECT_EQ(claim.Check(MakeSourceTable({{"1", "4 - other"}})), Standing::kNone);
  EXPECT_EQ(claim.Check(MakeSourceTable({{"20", "6 - other"}})), Standing::kReplaced);
  EXPECT_EQ(claim.Check(MakeSourceTable({{"20", "5 - other"}})), Standing::kReplaced);
}

}  // namespace
}  // namespace fsubs
