// Puts events into Redis and reads them there at the same time, by the worker's publisher and
// reader or by bare commands, and prints how many came through and how old they were then.
#include <uv.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/bare_redis.hpp"
#include "bench/process_usage.hpp"
#include "bench/report.hpp"
#include "worker/base/clock.hpp"
#include "worker/bus/private_ring.hpp"
#include "worker/bus/redis/publishing_thread.hpp"
#include "worker/bus/redis/redis_reader.hpp"
#include "worker/dial/dialer_process.hpp"

namespace fsubs::bench {
namespace {

struct BusOptions {
  uint16_t port = 6379;
  pid_t redis_pid = 0;
  bool bare = false;
  size_t under_way = 1;  // batches, of bare commands
  double rate = 0;       // events per second; 0: as many as possible
  double warm_up = 0.5;  // seconds before measuring
  double seconds = 2;
  uint64_t max_length = 1'000'000;
};

// What comes out of the bus. Any thread.
class Arrivals {
 public:
  void Take(uint64_t events, int64_t age_us) {
    events_ += events;
    const std::lock_guard lock(mutex_);
    ages_us_.push_back(age_us);
  }
  uint64_t events() const { return events_; }
  void ForgetAges() {
    const std::lock_guard lock(mutex_);
    ages_us_.clear();
  }
  std::vector<int64_t> ages_us() const {
    const std::lock_guard lock(mutex_);
    return ages_us_;
  }

 private:
  std::atomic<uint64_t> events_ = 0;
  mutable std::mutex mutex_;
  std::vector<int64_t> ages_us_;  // of the last event of each read; guarded by mutex_
};

// CPU time of one thread of this process.
int64_t ThreadCpuNs(pthread_t thread) {
  clockid_t clock;
  timespec used;
  if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &used) != 0) {
    throw std::runtime_error("cannot read the CPU time of a thread");
  }
  return used.tv_sec * int64_t{1'000'000'000} + used.tv_nsec;
}

// One way into Redis and out of it. Failures are thrown. Lives as long as the process, as its
// threads do.
class Bus {
 public:
  virtual ~Bus() = default;
  // Put events in, all of this moment, from one thread.
  virtual void Put(size_t events) = 0;
  // Whether it takes more now; otherwise ask again soon.
  virtual bool HasRoom() const = 0;
  virtual size_t batch() const = 0;
  virtual uint64_t lost() const = 0;
  virtual pthread_t reading_thread() = 0;
};

EventRecord MakeRecord() {
  EventRecord record;
  record.kind = RecordKind::kEvent;
  record.event_type = "orderUpdated";
  record.channel = "orders";
  record.data = R"({"id": 42, "status": "paid", "total": 42.5, "customer": {"name": "Ada"}})";
  return record;
}

// Through a ring, as a server's events go.
class WorkerBus final : public Bus, private BusReader::Sink {
 public:
  // REQUIRES: there is no thread yet.
  WorkerBus(const BusOptions& options, Arrivals* arrivals) : arrivals_(arrivals) {
    RedisAccess access;
    const std::string url = "redis://127.0.0.1:" + std::to_string(options.port);
    if (!ParseRedisUrl(url, &access.url).empty()) throw std::runtime_error("no URL: " + url);
    std::string error;
    const auto dialer = [&] {
      const DialRules rules{.allowed = access.url.addresses, .anywhere = false, .confined = false};
      const KeptProcess process = StartDialer(rules, &error);
      if (process.channel < 0) throw std::runtime_error(error);
      return process;
    };
    const KeptProcess of_publisher = dialer();
    const KeptProcess of_reader = dialer();
    ring_ = PrivateRing::Make(uint64_t{64} << 20, 1, &error);
    if (ring_ == nullptr) throw std::runtime_error(error);

    publisher_ =
        std::make_unique<PublishingThread>(RedisPublisher::Setup{.ring = ring_->ring(),
                                                                 .access = access,
                                                                 .dialer = of_publisher,
                                                                 .database = "bench",
                                                                 .node = "publisher",
                                                                 .max_length = options.max_length,
                                                                 .version = "bench",
                                                                 .counters = &published_});
    publisher_->Start();
    publisher_->SetCatalog("{}", 0);
    reader_ = std::make_unique<RedisReader>(RedisReader::Setup{.access = access,
                                                               .dialer = of_reader,
                                                               .database = "bench",
                                                               .node = "reader",
                                                               .version = "bench",
                                                               .counters = &read_});
    reading_ = std::thread([this] {
      uv_loop_t loop;
      uv_loop_init(&loop);
      reader_->Attach(&loop, this);
      uv_run(&loop, UV_RUN_DEFAULT);
    });
    const int64_t until = NowUs() + 10'000'000;
    while (!has_catalog_) {
      if (NowUs() > until) throw std::runtime_error("the reader does not get a catalog");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  void Put(size_t events) override {
    BusEvent event;
    event.record = MakeRecord();
    event.record.commit_time_us = NowUs();
    batch_.assign(events, event);
    ring_->Append(batch_);
    put_ += events;
    publisher_->NotePublished();
  }
  bool HasRoom() const override { return put_ - published_.appended.get() < kMostWaiting; }
  size_t batch() const override { return 100; }
  uint64_t lost() const override { return published_.lost.get() + read_.lost.get(); }
  pthread_t reading_thread() override { return reading_.native_handle(); }

 private:
  static constexpr uint64_t kMostWaiting = 10'000;

  void OnEvents(std::span<const BusEvent> events) override {
    arrivals_->Take(events.size(), NowUs() - events.back().record.commit_time_us);
  }
  void OnCatalog(std::string) override { has_catalog_ = true; }
  void OnState(const BusState&) override {}
  void OnEnd() override {}
  uint64_t LargestRecord() const override { return uint64_t{1} << 24; }
  uint64_t Room() const override { return uint64_t{1} << 26; }

  Arrivals* const arrivals_;
  std::unique_ptr<PrivateRing> ring_;
  std::unique_ptr<PublishingThread> publisher_;
  std::unique_ptr<RedisReader> reader_;
  std::thread reading_;
  std::atomic<bool> has_catalog_ = false;
  BusCounters published_;
  BusCounters read_;
  std::vector<BusEvent> batch_;
  uint64_t put_ = 0;
};

// Commands of hiredis, with the same entries.
class BareBus final : public Bus {
 public:
  BareBus(const BusOptions& options, Arrivals* arrivals)
      : writer_(options.port, options.max_length, MakeRecord()),
        reader_(options.port),
        most_(options.under_way) {
    reading_ = std::thread([this, arrivals] {
      while (true) {
        const BareReader::Read read = reader_.Next();
        if (read.entries > 0) arrivals->Take(read.entries, NowUs() - read.last_appended_us);
      }
    });
  }

  void Put(size_t events) override {
    writer_.Send(events);
    while (writer_.under_way() >= most_) writer_.AwaitOldest();
  }
  bool HasRoom() const override { return true; }
  size_t batch() const override { return 1000; }  // as the publisher's are when it has enough
  uint64_t lost() const override { return 0; }
  pthread_t reading_thread() override { return reading_.native_handle(); }

 private:
  BareWriter writer_;
  BareReader reader_;
  const size_t most_;
  std::thread reading_;
};

void PutFor(double seconds, const BusOptions& options, Bus* bus) {
  const int64_t begin = NowUs();
  const auto length = static_cast<int64_t>(seconds * 1e6);
  for (uint64_t put = 0; NowUs() - begin < length;) {
    if (options.rate > 0) {
      const auto due = begin + static_cast<int64_t>(static_cast<double>(put) * 1e6 / options.rate);
      if (const int64_t wait = due - NowUs(); wait > 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(wait));
      }
      bus->Put(1);
      ++put;
    } else if (bus->HasRoom()) {
      bus->Put(bus->batch());
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
}

struct Moment {
  int64_t at_us;
  uint64_t events;
  int64_t redis_ns;
  int64_t own_ns;
  int64_t putting_ns;
  int64_t reading_ns;
};

Report Measure(const BusOptions& options) {
  Arrivals arrivals;
  // Not destroyed: its threads run on.
  Bus* const bus = options.bare ? static_cast<Bus*>(new BareBus(options, &arrivals))
                                : new WorkerBus(options, &arrivals);
  const auto now = [&] {
    return Moment{NowUs(),
                  arrivals.events(),
                  options.redis_pid > 0 ? ProcessCpuNs(options.redis_pid) : 0,
                  ProcessCpuNs(getpid()),
                  ThreadCpuNs(pthread_self()),
                  ThreadCpuNs(bus->reading_thread())};
  };
  PutFor(options.warm_up, options, bus);
  arrivals.ForgetAges();
  const Moment begin = now();
  PutFor(options.seconds, options, bus);
  const Moment end = now();
  const std::vector<int64_t> ages_us = arrivals.ages_us();

  const auto events = static_cast<double>(end.events - begin.events);
  const auto each_us = [&](int64_t nanoseconds) {
    return static_cast<double>(nanoseconds) / events / 1e3;
  };
  const int64_t putting = end.putting_ns - begin.putting_ns;
  const int64_t reading = end.reading_ns - begin.reading_ns;
  const int64_t own = end.own_ns - begin.own_ns;
  Report report;
  report.Add("events", end.events - begin.events);
  report.Add("events_per_second", events / static_cast<double>(end.at_us - begin.at_us) * 1e6);
  report.Add("lost", bus->lost());
  report.Add("age_p50_ms", Percentile(ages_us, 0.5) / 1e3);
  report.Add("age_p99_ms", Percentile(ages_us, 0.99) / 1e3);
  report.Add("redis_us_per_event", each_us(end.redis_ns - begin.redis_ns));
  report.Add("reading_us_per_event", each_us(reading));
  // The worker's publisher is a thread beside the one that puts; a bare one is that.
  report.Add("publishing_us_per_event", each_us(options.bare ? putting : own - putting - reading));
  report.Add("own_us_per_event", each_us(own));
  return report;
}

}  // namespace
}  // namespace fsubs::bench

int main(int argc, char** argv) {
  fsubs::bench::BusOptions options;
  bool json = false;
  CLI::App app{"Measures events through a Redis of this machine, whose bus \"bench\" it removes."};
  app.option_defaults()->always_capture_default();
  app.add_option("--port", options.port, "of Redis");
  app.add_option("--redis-pid", options.redis_pid, "whose CPU time to measure");
  app.add_flag("--bare", options.bare, "bare commands instead of the worker's code");
  app.add_option("--under-way", options.under_way, "with --bare: batches not yet answered")
      ->check(CLI::PositiveNumber);
  app.add_option("--rate", options.rate, "events per second, one by one; 0: all that go");
  app.add_option("--max-length", options.max_length, "events that the stream keeps, about");
  app.add_option("--warm-up", options.warm_up, "seconds before measuring");
  app.add_option("--seconds", options.seconds, "to measure");
  app.add_flag("--json", json, "print one JSON object");
  CLI11_PARSE(app, argc, argv);
  try {
    fsubs::bench::RemoveBus(options.port);
    const fsubs::bench::Report report = fsubs::bench::Measure(options);
    json ? report.PrintJson() : report.PrintLines();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "redis_bus: %s\n", error.what());
    return 1;
  }
  std::fflush(stdout);
  std::_Exit(0);
}
