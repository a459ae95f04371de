#include "worker/shard/farewell.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "contract/ring_layout.hpp"
#include "test/unit/worker/client/fake_host.hpp"
#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

class FarewellTest : public testing::Test {
 protected:
  FarewellTest() { farewell_.Attach(loop_.get()); }

  FakeClient* Connect() {
    return &clients_.emplace_back(&host_, (clients_.size() + 1) * kMaxShards);
  }

  FakeHost host_;
  std::deque<FakeClient> clients_;
  Farewell farewell_{&host_.clients()};
  TestLoop loop_;
};

TEST_F(FarewellTest, AClientThatDoesNothingIsCutOff) {
  const FakeClient* const client = Connect();
  farewell_.Start();
  loop_.RunUntil([&] { return client->cut_off; });
}

TEST_F(FarewellTest, AClientWhoseMachineTakesWhatWasSentIsWaitedFor) {
  const FakeClient* const silent = Connect();
  FakeClient* const taking = Connect();
  taking->in_kernel = SIZE_MAX / 2;
  farewell_.Start();
  loop_.RunUntil([&] {
    --taking->in_kernel;
    return silent->cut_off;
  });
  EXPECT_FALSE(taking->cut_off);
  loop_.RunUntil([&] { return taking->cut_off; });
}

TEST_F(FarewellTest, AClientThatSendsIsWaitedFor) {
  const FakeClient* const silent = Connect();
  FakeClient* const sending = Connect();
  farewell_.Start();
  loop_.RunUntil([&] {
    sending->heard = true;
    return silent->cut_off;
  });
  EXPECT_FALSE(sending->cut_off);
}

TEST_F(FarewellTest, AClientThatWouldLoseSomethingIsWaitedForLonger) {
  const FakeClient* const silent = Connect();
  FakeClient* const full = Connect();
  full->socket_unsent = 1;
  farewell_.Start();
  loop_.RunUntil([&] { return silent->cut_off; });
  EXPECT_FALSE(full->cut_off);
  loop_.RunUntil([&] { return full->cut_off; });
}

}  // namespace
}  // namespace fsubs
