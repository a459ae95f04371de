#include "worker/bus_publishing.hpp"

#include <utility>

#include "worker/base/log.hpp"
#include "worker/base/version.hpp"

namespace fsubs {
namespace {

// How long the worker's end may wait for the bus.
constexpr uint64_t kPatienceMs = 1000;

}  // namespace

void BusPublishing::Start(const RingHeader* ring, const Options& options, const RedisAccess& access,
                          const std::string& error) {
  // Without the bus the clients of this server are served none the less.
  if (!error.empty()) {
    Log(LogLevel::kError, "other nodes get no events: %s", error.c_str());
    counters_->SetTrouble(error);
    return;
  }
  RedisPublisher::Setup setup;
  setup.ring = ring;
  setup.access = access;
  setup.dialer = dialer_;
  setup.database = options.database;
  setup.node = NodeName(options);
  setup.max_length = options.bus_max_length;
  setup.max_age_ms = options.bus_max_age;
  setup.version = kVersion;
  setup.counters = counters_;
  thread_ = std::make_unique<PublishingThread>(std::move(setup));
  thread_->Start();
}

void BusPublishing::AskNodes(RedisPublisher::NodesReply reply) {
  thread_->AskNodes(
      [this, reply = std::move(reply)](const NodeRow& own, const NodeList::Answer& nodes) {
        tasks_->Post([reply, own, nodes] { reply(own, nodes); });
      });
}

void BusPublishing::Finish(std::function<void()> done) {
  finished_ = std::move(done);
  thread_->Finish([this] { tasks_->Post([this] { TellFinished(); }); });
  patience_timer_.data = this;
  uv_timer_start(
      &patience_timer_,
      [](uv_timer_t* timer) { static_cast<BusPublishing*>(timer->data)->TellFinished(); },
      kPatienceMs, 0);
}

void BusPublishing::TellFinished() {
  if (const auto finished = std::exchange(finished_, nullptr)) finished();
}

}  // namespace fsubs
