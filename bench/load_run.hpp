// One run of the load generator: subscribe, publish for a while, account for every message.
#pragma once

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "bench/process_usage.hpp"
#include "bench/publisher.hpp"
#include "bench/report.hpp"
#include "bench/sequence_check.hpp"
#include "bench/subscriber.hpp"
#include "bench/wire.hpp"

namespace fsubs::bench {

struct LoadOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 4000;
  pid_t server_pid = 0;
  std::string database;
  PublishForm publish;

  size_t connections = 1000;
  size_t per_connection = 1;  // subscriptions
  bool filtered = false;      // each subscription is to a key of its own, instead of to all
  double rate = 0;            // events per second; 0: as many as `in_flight` allows
  int64_t in_flight = 16;     // events that not all of their subscribers have received
  int64_t batch = 1;          // events per transaction
  size_t publishers = 1;      // database sessions
  size_t pipeline = 16;       // transactions that a session may have under way
  double warm_up = 1;         // seconds before measuring
  double seconds = 5;
};

// Single-threaded. Failures are thrown.
class LoadRun : private Subscriber::Sink {
 public:
  // REQUIRES: without `filtered` there is one publisher, as only its events have one order; with it
  // `publishers` divides the number of subscriptions, so that each gets one publisher's events.
  explicit LoadRun(const LoadOptions& options)
      : options_(options),
        poll_(epoll_create1(EPOLL_CLOEXEC)),
        timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
        copies_(options.filtered ? 1 : options.connections * options.per_connection),
        scratch_(256 * 1024) {
    if (poll_ < 0 || timer_ < 0) throw std::system_error(errno, std::generic_category(), "epoll");
    const size_t subscriptions = options.connections * options.per_connection;
    options_.publish.keys = subscriptions;
    for (size_t i = 0; i < subscriptions; ++i) {
      checks_.emplace_back(options.filtered ? static_cast<int64_t>(i) : 0,
                           options.filtered ? static_cast<int64_t>(subscriptions) : 1);
    }
    for (size_t i = 0; i < options.publishers; ++i) {
      publishers_.push_back(std::make_unique<Publisher>(options_.database, options_.publish,
                                                        static_cast<int64_t>(i),
                                                        static_cast<int64_t>(options.publishers)));
    }
  }

  Report Run() {
    const int64_t resident_before = ResidentBytes(options_.server_pid);
    Subscribe();
    const int64_t resident_after = ResidentBytes(options_.server_pid);

    for (size_t i = 0; i < publishers_.size(); ++i) {
      Watch(publishers_[i]->fd(), EPOLLIN | EPOLLOUT | EPOLLET, subscribers_.size() + i);
    }
    if (options_.rate > 0) StartTimer();
    publishing_ = true;
    RunFor(options_.warm_up);
    measuring_ = true;
    const Snapshot begin = TakeSnapshot();
    RunFor(options_.seconds);
    const Snapshot end = TakeSnapshot();
    measuring_ = false;
    publishing_ = false;
    Drain();

    Report report;
    report.Add("connections", uint64_t{subscribers_.size()});
    report.Add("resident_bytes_per_connection",
               static_cast<double>(resident_after - resident_before) /
                   static_cast<double>(subscribers_.size()));
    Describe(begin, end, &report);
    return report;
  }

 private:
  struct Event {
    int64_t sent_at;
    size_t copies;  // received
  };

  struct Snapshot {
    int64_t at;
    uint64_t messages;
    uint64_t events;
    uint64_t bytes;
    int64_t server_cpu;
    int64_t own_cpu;
    CoreTicks own_cores;
  };

  static constexpr size_t kHandshakesAtOnce = 64;
  static constexpr double kSilenceSeconds = 5;  // after which what is missing counts as lost

  void Watch(int fd, uint32_t events, uint64_t tag) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag;
    if (epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event) != 0) {
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
  }

  void Subscribe() {
    subscribers_.reserve(options_.connections);
    int64_t progress_at = NowNs();
    for (size_t subscribed = 0; subscribed < options_.connections; subscribed = subscribed_) {
      if (subscribers_.size() < options_.connections &&
          subscribers_.size() - subscribed_ < kHandshakesAtOnce) {
        const size_t index = subscribers_.size();
        subscribers_.push_back(std::make_unique<Subscriber>(index, options_.per_connection,
                                                            options_.connections, options_.filtered,
                                                            options_.address, options_.port));
        Watch(subscribers_.back()->fd(), EPOLLIN, index);
        TurnOnce(0);
      } else {
        TurnOnce(100);
      }
      if (subscribed_ > subscribed) progress_at = NowNs();
      if (NowNs() - progress_at > kSilenceSeconds * 1e9) {
        throw std::runtime_error("the server does not answer handshakes");
      }
    }
  }

  void StartTimer() {
    const auto period = static_cast<int64_t>(1e9 / options_.rate);
    itimerspec when{};
    when.it_interval.tv_sec = when.it_value.tv_sec = period / 1'000'000'000;
    when.it_interval.tv_nsec = when.it_value.tv_nsec = period % 1'000'000'000;
    timerfd_settime(timer_, 0, &when, nullptr);
    Watch(timer_, EPOLLIN, subscribers_.size() + publishers_.size());
  }

  void TurnOnce(int timeout_ms) {
    epoll_event events[512];
    const int count = epoll_wait(poll_, events, std::size(events), timeout_ms);
    if (count < 0 && errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "epoll_wait");
    }
    for (int i = 0; i < count; ++i) {
      const uint64_t tag = events[i].data.u64;
      if (tag < subscribers_.size()) {
        subscribers_[tag]->Receive(scratch_, this);
      } else if (tag < subscribers_.size() + publishers_.size()) {
        publishers_[tag - subscribers_.size()]->Advance();
      } else {
        OnTimer();
      }
    }
  }

  void RunFor(double seconds) {
    const int64_t until = NowNs() + static_cast<int64_t>(seconds * 1e9);
    while (NowNs() < until) {
      if (options_.rate == 0) PublishWhatIsDue();
      TurnOnce(100);
      if (in_flight_ > 0 && NowNs() - progress_at_ > kSilenceSeconds * 1e9) return;
    }
  }

  // Wait for what is under way, and then for what should not come.
  void Drain() {
    progress_at_ = NowNs();
    while (in_flight_ > 0 && NowNs() - progress_at_ < kSilenceSeconds * 1e9) TurnOnce(100);
    const int64_t until = NowNs() + 100'000'000;
    while (NowNs() < until) TurnOnce(10);
  }

  void OnTimer() {
    uint64_t periods = 0;
    if (read(timer_, &periods, sizeof(periods)) != sizeof(periods) || !publishing_) return;
    for (; periods > 0; --periods) Publish(publishers_.front().get());
  }

  void PublishWhatIsDue() {
    size_t refused = 0;
    while (in_flight_ + options_.batch <= options_.in_flight && refused < publishers_.size()) {
      Publisher* const publisher = publishers_[turn_++ % publishers_.size()].get();
      if (publisher->queued() < options_.pipeline) {
        Publish(publisher);
        refused = 0;
      } else {
        ++refused;
      }
    }
  }

  void Publish(Publisher* publisher) {
    const int64_t now = NowNs();
    const auto last =
        static_cast<size_t>(publisher->next() + publisher->stride() * (options_.batch - 1));
    if (events_.size() <= last) events_.resize(last + 1);
    for (int64_t i = 0; i < options_.batch; ++i) {
      events_[static_cast<size_t>(publisher->next() + publisher->stride() * i)].sent_at = now;
    }
    if (in_flight_ == 0) progress_at_ = now;
    in_flight_ += options_.batch;
    publisher->Publish(options_.batch, now);
  }

  void OnSubscribed() override { ++subscribed_; }

  void OnNext(size_t subscription, int64_t sequence, int64_t sent_at,
              int64_t received_at) override {
    progress_at_ = received_at;
    switch (checks_[subscription].Receive(sequence)) {
      case SequenceCheck::Verdict::kInOrder:
        break;
      case SequenceCheck::Verdict::kReordered:
        ++reordered_;
        break;
      case SequenceCheck::Verdict::kDuplicated:
        ++duplicated_;
        return;
      case SequenceCheck::Verdict::kForeign:
        return OnUnexpected("event " + std::to_string(sequence));
    }
    if (static_cast<size_t>(sequence) >= events_.size() ||
        events_[static_cast<size_t>(sequence)].sent_at != sent_at) {
      return OnUnexpected("event " + std::to_string(sequence) + ", which was not sent");
    }
    Event& event = events_[static_cast<size_t>(sequence)];
    ++messages_;
    if (measuring_ && options_.rate > 0) delays_.push_back(received_at - sent_at);
    if (++event.copies < copies_) return;
    ++completed_;
    --in_flight_;
    if (measuring_) completions_.push_back(received_at - sent_at);
  }

  void OnUnexpected(std::string_view message) override {
    if (unexpected_++ == 0) first_unexpected_ = message.substr(0, 300);
  }

  Snapshot TakeSnapshot() const {
    uint64_t bytes = 0;
    for (const auto& subscriber : subscribers_) bytes += subscriber->received_bytes();
    return {NowNs(),
            messages_,
            completed_,
            bytes,
            ProcessCpuNs(options_.server_pid),
            ProcessCpuNs(getpid()),
            OwnCores()};
  }

  void Describe(const Snapshot& begin, const Snapshot& end, Report* report) const {
    const auto elapsed = static_cast<double>(end.at - begin.at);
    const auto messages = static_cast<double>(end.messages - begin.messages);
    const auto events = static_cast<double>(end.events - begin.events);
    const auto server_cpu = static_cast<double>(end.server_cpu - begin.server_cpu);
    const double server_share = server_cpu / elapsed;
    const double own_share = static_cast<double>(end.own_cpu - begin.own_cpu) / elapsed;
    const double core_share = static_cast<double>(end.own_cores.busy - begin.own_cores.busy) /
                              static_cast<double>(end.own_cores.total - begin.own_cores.total);
    report->Add("seconds", elapsed / 1e9);
    report->Add("messages", end.messages - begin.messages);
    report->Add("events", end.events - begin.events);
    report->Add("messages_per_second", messages / elapsed * 1e9);
    report->Add("events_per_second", events / elapsed * 1e9);
    report->Add("bytes_per_message", static_cast<double>(end.bytes - begin.bytes) / messages);
    if (options_.rate > 0) {
      report->Add("delay_p50_ms", Percentile(delays_, 0.5) / 1e6);
      report->Add("delay_p99_ms", Percentile(delays_, 0.99) / 1e6);
    }
    report->Add("to_last_p50_ms", Percentile(completions_, 0.5) / 1e6);
    report->Add("to_last_p99_ms", Percentile(completions_, 0.99) / 1e6);
    report->Add("server_us_per_message", server_cpu / messages / 1e3);
    report->Add("server_us_per_event", server_cpu / events / 1e3);
    report->Add("server_cpu_share", server_share);
    report->Add("load_cpu_share", own_share);
    report->Add("load_core_share", core_share);
    report->Add("bottleneck", Bottleneck(server_share, own_share, core_share));

    uint64_t lost = 0;
    for (const Event& event : events_) {
      if (event.sent_at != 0) lost += copies_ - std::min(event.copies, copies_);
    }
    report->Add("lost", lost);
    report->Add("duplicated", duplicated_);
    report->Add("reordered", reordered_);
    report->Add("unexpected", unexpected_);
    report->Add("first_unexpected", first_unexpected_);
  }

  // What had no CPU time left. Publisher and database share the load generator's core.
  static std::string_view Bottleneck(double server, double own, double core) {
    constexpr double kFull = 0.95;
    if (server >= kFull) return "server";
    if (own >= kFull) return "load generator";
    if (core >= kFull) return "load generator and database";
    return "none";
  }

  LoadOptions options_;
  int poll_;
  int timer_;
  size_t copies_;  // of each event that are to arrive
  std::vector<char> scratch_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  std::vector<SequenceCheck> checks_;  // by subscription
  std::vector<std::unique_ptr<Publisher>> publishers_;
  size_t turn_ = 0;              // of the publishers
  std::vector<Event> events_;    // by sequence number; sent_at is 0 where none was published
  std::vector<int64_t> delays_;  // of messages, nanoseconds
  std::vector<int64_t> completions_;
  bool publishing_ = false;
  bool measuring_ = false;
  size_t subscribed_ = 0;  // connections
  int64_t in_flight_ = 0;
  int64_t progress_at_ = 0;
  uint64_t messages_ = 0;
  uint64_t completed_ = 0;
  uint64_t duplicated_ = 0;
  uint64_t reordered_ = 0;
  uint64_t unexpected_ = 0;
  std::string first_unexpected_;
};

}  // namespace fsubs::bench
