#include "worker/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace fsubs {
namespace {

using testing::HasSubstr;
using testing::Not;

class MetricsTest : public testing::Test {
 protected:
  std::string Text() const {
    static const Heartbeats kNone{};
    return PrometheusText(shards_, {.bus = &bus_}, kNone);
  }
  std::string Rows() const { return MetricsRows(shards_, {.bus = &bus_}); }

  std::vector<ShardCounters> shards_{2};
  BusCounters bus_;
};

TEST_F(MetricsTest, TimesAreSecondsInBothForms) {
  bus_.commit_to_append.Observe(400);
  bus_.commit_to_append.Observe(1'100);
  EXPECT_THAT(Text(), HasSubstr("fraiseql_subs_bus_commit_to_append_seconds_sum 0.0015"));
  EXPECT_THAT(Rows(), HasSubstr(R"({"name":"fraiseql_subs_bus_commit_to_append_seconds_sum",)"
                                R"("labels":{},"type":"histogram","value":0.0015,)"));
}

TEST_F(MetricsTest, ABucketHasWhatIsNoLongerThanItsBound) {
  for (const int64_t us : {0, 250, 251, 31'000'000}) bus_.append_to_read.Observe(us);
  const std::string name = "fraiseql_subs_bus_append_to_read_seconds";
  EXPECT_THAT(Text(), HasSubstr(name + "_bucket{le=\"0.00025\"} 2\n"));
  EXPECT_THAT(Text(), HasSubstr(name + "_bucket{le=\"0.0005\"} 3\n"));
  EXPECT_THAT(Text(), HasSubstr(name + "_bucket{le=\"30\"} 3\n"));
  EXPECT_THAT(Text(), HasSubstr(name + "_bucket{le=\"+Inf\"} 4\n"));
  EXPECT_THAT(Text(), HasSubstr(name + "_count 4\n"));
  EXPECT_THAT(Rows(), HasSubstr('"' + name + R"(_bucket","labels":{"le":"0.00025"},)" +
                                R"("type":"histogram","value":2,)"));
  EXPECT_THAT(Rows(), HasSubstr('"' + name + R"(_bucket","labels":{"le":"+Inf"},)" +
                                R"("type":"histogram","value":4,)"));
}

TEST_F(MetricsTest, ATimeThatClocksMakeNegativeIsNone) {
  bus_.append_to_read.Observe(-5);
  EXPECT_THAT(Text(), HasSubstr("append_to_read_seconds_sum 0\n"));
  EXPECT_THAT(Text(), HasSubstr("append_to_read_seconds_bucket{le=\"0.00025\"} 1\n"));
}

TEST_F(MetricsTest, TimesOfAllShardsAreOneHistogram) {
  shards_[0].read_to_socket.Observe(300);
  shards_[1].read_to_socket.Observe(300);
  EXPECT_THAT(Text(), HasSubstr("fraiseql_subs_read_to_socket_seconds_count 2\n"));
  EXPECT_THAT(Text(), HasSubstr("fraiseql_subs_read_to_socket_seconds_bucket{le=\"0.0005\"} 2\n"));
}

TEST_F(MetricsTest, WithoutABusThereIsNoMetricOfIt) {
  EXPECT_THAT(MetricsRows(shards_, {}), Not(HasSubstr("fraiseql_subs_bus_")));
}

}  // namespace
}  // namespace fsubs
