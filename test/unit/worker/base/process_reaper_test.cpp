#include "worker/base/process_reaper.hpp"

#include <gtest/gtest.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <utility>

#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

class ProcessReaperTest : public testing::Test {
 protected:
  ProcessReaperTest() {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    child_ = fork();
    if (child_ == 0) {
      close(ends[1]);
      char end;
      while (read(ends[0], &end, 1) > 0) {
      }
      _exit(0);
    }
    close(ends[0]);
    lets_end_ = ends[1];
    reaper_ = std::make_unique<ProcessReaper>(child_);
  }
  ~ProcessReaperTest() override {
    if (lets_end_ >= 0) close(lets_end_);
  }

  void EndChild() { close(std::exchange(lets_end_, -1)); }
  // What nobody has waited for is there still.
  bool IsThere() const { return kill(child_, 0) == 0; }

  pid_t child_;
  int lets_end_;
  std::unique_ptr<ProcessReaper> reaper_;
  TestLoop loop_;
};

TEST_F(ProcessReaperTest, WaitsForAChildThatEndsLater) {
  reaper_->Attach(loop_.get());
  loop_.Turn();
  EXPECT_TRUE(IsThere());
  EndChild();
  loop_.RunUntil([this] { return !IsThere(); });
}

TEST_F(ProcessReaperTest, WaitsForOneThatHasEndedBefore) {
  EndChild();
  siginfo_t ended;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child_), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(IsThere());
  reaper_->Attach(loop_.get());
  EXPECT_FALSE(IsThere());
}

TEST_F(ProcessReaperTest, LeavesOtherChildrenAlone) {
  reaper_->Attach(loop_.get());
  const pid_t other = fork();
  if (other == 0) _exit(7);
  siginfo_t ended;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(other), &ended, WEXITED | WNOWAIT), 0);
  loop_.Turn();
  int status = 0;
  EXPECT_EQ(waitpid(other, &status, 0), other);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EndChild();
  loop_.RunUntil([this] { return !IsThere(); });
}

TEST(NoProcessReaperTest, WaitsForNothing) {
  ProcessReaper reaper(-1);
  TestLoop loop;
  reaper.Attach(loop.get());
  loop.Turn();
}

}  // namespace
}  // namespace fsubs
