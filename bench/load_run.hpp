// One run of the load generator: subscribe, publish for a while, account for every message.
#pragma once

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "bench/ledger.hpp"
#include "bench/process_usage.hpp"
#include "bench/publisher.hpp"
#include "bench/report.hpp"
#include "bench/subscriber.hpp"
#include "bench/token_file.hpp"
#include "bench/wire.hpp"

namespace fsubs::bench {

struct LoadOptions {
  Subscriber::Options subscriber;
  std::vector<uint16_t> ports = {4000};  // of the servers; each has as many of the connections
  bool tls = false;
  std::string tokens;  // file with a token a line, which are presented in turns; empty: none
  std::vector<pid_t> server_pids;
  std::string database;
  PublishForm publish;

  size_t connections = 1000;
  size_t per_connection = 1;  // subscriptions
  size_t keys = 0;            // with `filtered`: events are for the first so many; 0: for all
  double rate = 0;            // events per second; 0: as many as `in_flight` allows
  int64_t in_flight = 16;     // events that not all of their subscribers have received
  int64_t batch = 1;          // events per transaction
  size_t publishers = 1;      // database sessions
  size_t pipeline = 16;       // transactions that a session may have under way
  double settle = 0;          // seconds between the last pong and the first event
  double warm_up = 1;         // seconds before measuring
  double seconds = 5;
};

// Single-threaded. Failures are thrown.
class LoadRun : private Subscriber::Sink {
 public:
  // REQUIRES: without `filtered` there is one publisher, as only its events have one order; with it
  // `publishers` divides the number of keys, so that each gets one publisher's events.
  explicit LoadRun(const LoadOptions& options)
      : options_(options),
        tls_(options.tls ? MakeTlsContext() : nullptr),
        tokens_(ReadTokens(options.tokens)),
        poll_(epoll_create1(EPOLL_CLOEXEC)),
        timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
        ledger_(options.connections * options.per_connection,
                options.subscriber.filtered ? Keys(options) : 0),
        scratch_(256 * 1024) {
    if (poll_ < 0 || timer_ < 0) throw std::system_error(errno, std::generic_category(), "epoll");
    for (const uint16_t port : options.ports) {
      targets_.push_back(options.subscriber);
      targets_.back().port = port;
      targets_.back().tls = tls_.get();
    }
    options_.publish.keys = Keys(options);
    for (size_t i = 0; i < options.publishers; ++i) {
      publishers_.push_back(std::make_unique<Publisher>(options_.database, options_.publish,
                                                        static_cast<int64_t>(i),
                                                        static_cast<int64_t>(options.publishers)));
    }
  }

  static size_t Keys(const LoadOptions& options) {
    return options.keys > 0 ? options.keys : options.connections * options.per_connection;
  }

  Report Run() {
    const int64_t resident_before = OfServer(ResidentBytes);
    Subscribe();
    Settle();
    const int64_t resident_after = OfServer(ResidentBytes);

    for (size_t i = 0; i < publishers_.size(); ++i) {
      Watch(publishers_[i]->fd(), EPOLLIN | EPOLLOUT | EPOLLET, subscribers_.size() + i);
    }
    if (options_.rate > 0) StartTimer();
    publishing_ = true;
    RunFor(options_.warm_up);
    ledger_.StartTiming(options_.rate > 0);
    const Snapshot begin = TakeSnapshot();
    RunFor(options_.seconds);
    const Snapshot end = TakeSnapshot();
    ledger_.StopTiming();
    publishing_ = false;
    Drain();

    Report report;
    report.Add("connections", uint64_t{subscribers_.size()});
    report.Add("resident_bytes_per_connection",
               static_cast<double>(resident_after - resident_before) /
                   static_cast<double>(subscribers_.size()));
    Describe(begin, end, &report);
    ledger_.Describe(&report);
    return report;
  }

 private:
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
        const auto& target = targets_[index * targets_.size() / options_.connections];
        subscribers_.push_back(std::make_unique<Subscriber>(index, options_.per_connection,
                                                            options_.connections, target,
                                                            tokens_[index % tokens_.size()]));
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

  // A server may answer pings while it is still about to subscribe.
  void Settle() {
    const int64_t until = NowNs() + static_cast<int64_t>(options_.settle * 1e9);
    while (NowNs() < until) TurnOnce(10);
  }

  // What all of its processes have together.
  template <typename Usage>
  int64_t OfServer(Usage usage) const {
    int64_t sum = 0;
    for (const pid_t pid : options_.server_pids) sum += usage(pid);
    return sum;
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
      if (IsStalled()) return;
    }
  }

  // Wait for what is under way, and then for what should not come.
  void Drain() {
    while (ledger_.in_flight() > 0 && !IsStalled()) TurnOnce(100);
    const int64_t until = NowNs() + 100'000'000;
    while (NowNs() < until) TurnOnce(10);
  }

  bool IsStalled() const {
    return ledger_.in_flight() > 0 && NowNs() - ledger_.progress_at() > kSilenceSeconds * 1e9;
  }

  void OnTimer() {
    uint64_t periods = 0;
    if (read(timer_, &periods, sizeof(periods)) != sizeof(periods) || !publishing_) return;
    for (; periods > 0; --periods) Publish(publishers_.front().get());
  }

  void PublishWhatIsDue() {
    size_t refused = 0;
    while (ledger_.in_flight() + options_.batch <= options_.in_flight &&
           refused < publishers_.size()) {
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
    ledger_.Publish(publisher->next(), publisher->stride(), options_.batch, now);
    publisher->Publish(options_.batch, now);
  }

  void OnSubscribed() override { ++subscribed_; }

  void OnNext(size_t subscription, int64_t sequence, int64_t sent_at,
              int64_t received_at) override {
    ledger_.Receive(subscription, sequence, sent_at, received_at);
  }

  void OnUnexpected(std::string_view message) override { ledger_.ReceiveUnexpected(message); }

  Snapshot TakeSnapshot() const {
    uint64_t bytes = 0;
    for (const auto& subscriber : subscribers_) bytes += subscriber->received_bytes();
    return {NowNs(),   ledger_.messages(),     ledger_.completed(),
            bytes,     OfServer(ProcessCpuNs), ProcessCpuNs(getpid()),
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
    report->Add("server_us_per_message", server_cpu / messages / 1e3);
    report->Add("server_us_per_event", server_cpu / events / 1e3);
    report->Add("server_cpu_share", server_share);
    report->Add("load_cpu_share", own_share);
    report->Add("load_core_share", core_share);
    report->Add("bottleneck", Bottleneck(server_share, own_share, core_share));
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
  const TlsContextPtr tls_;
  std::vector<Subscriber::Options> targets_;  // servers
  const std::vector<std::string> tokens_;
  int poll_;
  int timer_;
  Ledger ledger_;
  std::vector<char> scratch_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  std::vector<std::unique_ptr<Publisher>> publishers_;
  size_t turn_ = 0;  // of the publishers
  bool publishing_ = false;
  size_t subscribed_ = 0;  // connections
};

}  // namespace fsubs::bench
