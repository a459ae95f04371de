// Reads the events of a PostgreSQL without the extension for so many seconds, as a node does, and
// prints how many there were and how long after publishing they came: bench/sql_only.py publishes.
#include <uv.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "worker/base/clock.hpp"
#include "worker/bus/bus_counters.hpp"
#include "worker/bus/postgresql/postgresql_reader.hpp"

using namespace fsubs;

namespace {

class Count final : public BusReader::Sink {
 public:
  explicit Count(uint64_t seconds) : seconds_(seconds) {}

  void OnEvents(std::span<const BusEvent> events) override {
    const int64_t now_us = NowUs();
    for (const BusEvent& event : events) {
      if (event.record.kind == RecordKind::kEventsLost) {
        ++losses_;
      } else {
        latencies_us_.push_back(now_us - event.record.commit_time_us);
      }
    }
    if (first_us_ == 0) first_us_ = now_us;
    last_us_ = now_us;
  }
  void OnCatalog(std::string) override {
    std::printf("ready\n");
    std::fflush(stdout);
  }
  void OnState(const BusState&) override {}
  void OnEnd() override {}
  uint64_t LargestRecord() const override { return uint64_t{1} << 24; }
  uint64_t Room() const override { return uint64_t{1} << 26; }

  void Report() {
    std::sort(latencies_us_.begin(), latencies_us_.end());
    const size_t count = latencies_us_.size();
    const auto quantile_ms = [&](double q) {
      const auto at = static_cast<size_t>(q * static_cast<double>(count));
      return count == 0 ? 0.0 : static_cast<double>(latencies_us_[std::min(at, count - 1)]) / 1000;
    };
    const double span_s = static_cast<double>(last_us_ - first_us_) / 1e6;
    std::printf(
        "{\"events\": %zu, \"losses\": %llu, \"per_second\": %.0f, \"median_ms\": %.2f, "
        "\"p99_ms\": %.2f, \"most_ms\": %.2f}\n",
        count, static_cast<unsigned long long>(losses_),
        span_s > 0 ? static_cast<double>(count) / span_s : 0.0, quantile_ms(0.5), quantile_ms(0.99),
        quantile_ms(1));
    std::fflush(stdout);
  }

  uint64_t seconds() const { return seconds_; }

 private:
  const uint64_t seconds_;
  std::vector<int64_t> latencies_us_;
  uint64_t losses_ = 0;
  int64_t first_us_ = 0;
  int64_t last_us_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: sql_bus CONNECTION SECONDS [CONNECTION_TO_LISTEN]\n");
    return 2;
  }
  BusCounters counters;
  PostgresqlReader reader(argv[1], argc > 3 ? argv[3] : "", &counters);
  const std::string problem = reader.Open();
  if (!problem.empty()) {
    std::fprintf(stderr, "%s\n", problem.c_str());
    return 1;
  }
  Count count(std::strtoull(argv[2], nullptr, 10));
  uv_loop_t* const loop = uv_default_loop();
  reader.Attach(loop, &count);
  uv_timer_t end{};
  uv_timer_init(loop, &end);
  end.data = &count;
  uv_timer_start(
      &end,
      [](uv_timer_t* timer) {
        static_cast<Count*>(timer->data)->Report();
        std::_Exit(0);
      },
      count.seconds() * 1000, 0);
  return uv_run(loop, UV_RUN_DEFAULT);
}
