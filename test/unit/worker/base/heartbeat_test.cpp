#include "worker/base/heartbeat.hpp"

#include <gtest/gtest.h>

#include "contract/heartbeat.hpp"
#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

class HeartbeatTest : public testing::Test {
 protected:
  std::atomic<uint64_t> beat_ms_{0};
  Heartbeat heartbeat_{&beat_ms_};
  TestLoop loop_;
};

TEST_F(HeartbeatTest, TheFirstBeatIsOfTheLoopsFirstTurn) {
  const uint64_t before = MonotonicMs();
  heartbeat_.Attach(loop_.get());
  EXPECT_EQ(beat_ms_, 0u);
  loop_.Turn();
  EXPECT_GE(beat_ms_, before);
  EXPECT_LE(beat_ms_, MonotonicMs());
}

TEST_F(HeartbeatTest, ALoopThatAlwaysHasWorkBeatsOn) {
  heartbeat_.Attach(loop_.get());
  uv_idle_t work;
  uv_idle_init(loop_.get(), &work);
  uv_idle_start(&work, [](uv_idle_t*) {});
  loop_.Turn();
  const uint64_t first = beat_ms_;
  loop_.RunUntil([&] { return beat_ms_ != first; });
  EXPECT_GT(beat_ms_, first);
  uv_close(reinterpret_cast<uv_handle_t*>(&work), nullptr);
  loop_.Turn();
}

TEST(HeartbeatAgeTest, ABeatOfTheFutureIsNew) {
  EXPECT_EQ(HeartbeatAge(10, 25), 15u);
  EXPECT_EQ(HeartbeatAge(25, 25), 0u);
  EXPECT_EQ(HeartbeatAge(UINT64_MAX, 25), 0u);
}

}  // namespace
}  // namespace fsubs
