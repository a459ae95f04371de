#include "worker/shard/shard.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>

#include "worker/base/log.hpp"
#include "worker/client/http_client.hpp"
#include "worker/client/origin.hpp"
#include "worker/client/ws_client.hpp"

namespace fsubs {
namespace {

// Records read before the sockets get their turn.
constexpr size_t kRecordsPerTurn = 1024;

// A message that depends on a catalog change is held back this long at most; if no executor brings
// the new catalog by then, it is handled with the old one.
constexpr uint64_t kMaxDeferMs = 2000;

// So many messages may wait; more are not worth their memory, and the old catalog must do.
constexpr size_t kMaxDeferred = 10000;

// Clients are checked in so many slices of the interval, not all at once.
constexpr size_t kKeepaliveSlices = 8;

}  // namespace

Shard::Shard(const Setup& setup)
    : index_(setup.index),
      host_(setup.host),
      ring_(setup.ring),
      slot_(setup.slot),
      wake_fd_(setup.wake_fd),
      counters_(setup.counters),
      options_(setup.options),
      reader_(setup.ring) {}

std::string Shard::Start() {
  uv_loop_init(&loop_);
  loop_.data = this;
  uv_async_init(&loop_, &tasks_ready_,
                [](uv_async_t* handle) { static_cast<Shard*>(handle->loop->data)->RunTasks(); });
  uv_poll_init(&loop_, &wake_, wake_fd_);
  uv_poll_start(&wake_, UV_READABLE, [](uv_poll_t* handle, int, int) {
    auto* const shard = static_cast<Shard*>(handle->loop->data);
    uint64_t wakes;
    if (read(shard->wake_fd_, &wakes, sizeof(wakes)) < 0) return;
    shard->ReadRing(kRecordsPerTurn);
  });
  uv_idle_init(&loop_, &more_);
  uv_prepare_init(&loop_, &waiting_);
  uv_prepare_start(&waiting_, [](uv_prepare_t* handle) {
    static_cast<Shard*>(handle->loop->data)->BeforeWaiting();
  });
  uv_timer_init(&loop_, &init_timer_);
  uv_timer_init(&loop_, &keepalive_timer_);
  uv_timer_init(&loop_, &deferred_timer_);
  StartKeepaliveTimer();

  std::string error;
  server_ = SocketServer::Open(&loop_, this, {options_->listen_address, options_->port},
                               kSubprotocols, &error);
  if (!server_) return error;

  slot_->cursor.store(reader_.cursor(), std::memory_order_release);
  slot_->attached.store(1, std::memory_order_release);

  // Signals are the control thread's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([this] { uv_run(&loop_, UV_RUN_DEFAULT); }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return {};
}

int64_t Shard::NowUs() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void Shard::Post(std::function<void()> task) {
  {
    const std::lock_guard lock(tasks_mutex_);
    tasks_.push_back(std::move(task));
  }
  uv_async_send(&tasks_ready_);
}

void Shard::RunTasks() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(tasks_mutex_);
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) {
    try {
      task();
    } catch (const std::exception& error) {
      Log(LogLevel::kError, "shard %zu: %s", index_, error.what());
    }
  }
}

void Shard::SetOptions(std::shared_ptr<const Options> options) {
  Post([this, options = std::move(options)] {
    options_ = options;
    StartKeepaliveTimer();
  });
}

void Shard::SetCatalog(std::shared_ptr<const Catalog> catalog, Position covered) {
  Post([this, catalog = std::move(catalog), covered] {
    catalog_ = catalog;
    covered_ = std::max(covered_, covered);
    for (auto& [id, client] : clients_) client->Revalidate();
    if (catalog_is_current()) HandleDeferred();
  });
}

void Shard::Drain() {
  Post([this] {
    draining_ = true;
    deferred_.clear();
    for (auto& [id, client] : clients_) client->Drain();
    CheckDrained();
  });
}

void Shard::CheckDrained() {
  if (draining_ && clients_.empty()) host_->OnDrained();
}

void Shard::Connections(std::function<void(std::string rows)> reply) {
  Post([this, reply = std::move(reply)] {
    std::string rows = "[";
    for (const auto& [id, client] : clients_) client->AppendRow(index_, &rows);
    reply(rows += ']');
  });
}

void Shard::Subscriptions(std::function<void(std::string rows)> reply) {
  Post([this, reply = std::move(reply)] {
    std::string rows = "[";
    for (const auto& [id, client] : clients_) client->AppendSubscriptionRows(&rows);
    reply(rows += ']');
  });
}

PrepareResult Shard::Prepare(const OperationRequest& request) {
  return fsubs::Prepare(catalog_, &plans_, request,
                        {.max_tokens = options_->max_query_tokens,
                         .max_depth = options_->max_query_depth,
                         .max_aliases = options_->max_query_aliases,
                         .max_selections = options_->max_query_selections,
                         .max_size = options_->max_query_size,
                         .max_response = options_->outbox_size / 2,
                         .introspection = options_->introspection});
}

std::shared_ptr<const std::string> Shard::Intern(std::string_view text) {
  const auto found = interned_.find(text);
  if (found != interned_.end()) {
    if (auto known = found->second.lock()) return known;
    interned_.erase(found);
  }
  auto* const copy = new std::string(text);
  std::shared_ptr<const std::string> shared(copy, [this](const std::string* last) {
    interned_.erase(*last);
    delete last;
  });
  interned_[*copy] = shared;
  return shared;
}

bool Shard::CanServe(size_t clients) const {
  // The kernel spreads clients evenly over shards.
  const size_t limit = std::max<size_t>(1, options_->max_connections / options_->wake_fds.size());
  return catalog_ && !draining_ && clients <= limit;
}

unsigned Shard::OnUpgrade(std::string_view origin, std::string_view host) {
  if (!OriginAllowed(options_->allowed_origins, origin, host)) {
    counters_->connections_refused.Add();
    return kHttpForbidden;
  }
  if (CanServe(clients_.size() + 1)) return 0;
  counters_->connections_refused.Add();
  return kHttpServiceUnavailable;
}

std::unique_ptr<WsPeer> Shard::OnOpen(WsSocket socket, std::string_view subprotocol) {
  const uint64_t id = NextId();
  auto connection = std::make_unique<WsClient>(this, socket, id, subprotocol);
  initialising_[id] = connection.get();
  uninitialised_.emplace_back(uv_now(&loop_), id);
  if (!uv_is_active(reinterpret_cast<uv_handle_t*>(&init_timer_))) {
    uv_timer_start(
        &init_timer_,
        [](uv_timer_t* timer) { static_cast<Shard*>(timer->loop->data)->CloseLateInitialisers(); },
        options_->init_timeout, 0);
  }
  return connection;
}

std::unique_ptr<HttpPeer> Shard::OnHttp(HttpSocket socket) {
  return std::make_unique<HttpClient>(this, socket, NextId());
}

HttpReply Shard::OnGet(const HttpRequest& request) {
  if (request.method == HttpMethod::kGet || request.method == HttpMethod::kHead) {
    return host_->OnGet(request.path);
  }
  return {kHttpMethodNotAllowed,
          "text/plain; charset=utf-8",
          "only GET is answered here\n",
          {{"allow", "GET, HEAD"}}};
}

void Shard::Forget(Client* client) {
  clients_.erase(client->id());
  initialising_.erase(client->id());
  std::erase(dirty_, client);
  CheckDrained();
}

void Shard::CloseLateInitialisers() {
  const uint64_t now = uv_now(&loop_);
  while (!uninitialised_.empty()) {
    const auto [connected_ms, id] = uninitialised_.front();
    const auto found = initialising_.find(id);
    const bool waits = found != initialising_.end() && found->second->waits_for_init();
    if (waits && connected_ms + options_->init_timeout > now) {
      uv_timer_start(&init_timer_, init_timer_.timer_cb,
                     connected_ms + options_->init_timeout - now, 0);
      return;
    }
    uninitialised_.pop_front();
    if (waits) found->second->OnInitTimeout();
    if (found != initialising_.end()) initialising_.erase(found);
  }
}

void Shard::StartKeepaliveTimer() {
  uv_timer_stop(&keepalive_timer_);
  if (options_->keepalive_interval == 0) return;
  const uint64_t period = std::max<uint64_t>(1, options_->keepalive_interval / kKeepaliveSlices);
  uv_timer_start(
      &keepalive_timer_,
      [](uv_timer_t* timer) { static_cast<Shard*>(timer->loop->data)->CheckKeepalive(); }, period,
      period);
}

void Shard::CheckKeepalive() {
  keepalive_slice_ = (keepalive_slice_ + 1) % kKeepaliveSlices;
  for (auto& [id, client] : clients_) {
    if (id / kMaxShards % kKeepaliveSlices == keepalive_slice_) client->OnKeepalive();
  }
}

bool Shard::CatchUp() {
  // Bounded, so that a flood of events cannot hold up a client's message for ever.
  ReadRing(kRecordsPerTurn);
  return catalog_is_current() && deferred_.empty();
}

void Shard::Defer(Client* client, std::string_view message) {
  deferred_.push_back({client->id(), std::string(message)});
  if (deferred_.size() > kMaxDeferred) {
    covered_ = changed_;
    HandleDeferred();
    return;
  }
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(&deferred_timer_))) return;
  uv_timer_start(
      &deferred_timer_,
      [](uv_timer_t* timer) {
        auto* const shard = static_cast<Shard*>(timer->loop->data);
        Log(LogLevel::kWarning, "the catalog changed but no executor brought it in time");
        shard->covered_ = shard->changed_;
        shard->HandleDeferred();
      },
      kMaxDeferMs, 0);
}

void Shard::HandleDeferred() {
  uv_timer_stop(&deferred_timer_);
  std::vector<Deferred> deferred;
  deferred.swap(deferred_);
  for (const Deferred& message : deferred) {
    const auto found = clients_.find(message.client);
    if (found != clients_.end()) found->second->Handle(message.message);
  }
}

void Shard::ReadRing(size_t limit) {
  EventRecord record;
  uint64_t lost = 0;
  for (size_t i = 0; i < limit; ++i) {
    if (reader_.Next(&record, &lost) != RingReader::Result::kRecord) break;
    HandleRecord(record, lost);
  }
  slot_->cursor.store(reader_.cursor(), std::memory_order_release);
}

void Shard::HandleRecord(const EventRecord& record, uint64_t lost) {
  if (lost > 0) {
    counters_->events_lost.Add(lost);
    Log(LogLevel::kWarning,
        "shard %zu was lapped: %llu events were overwritten before they were read; "
        "fraiseql_subs.ring_size may be too small",
        index_, static_cast<unsigned long long>(lost));
    for (auto& [id, client] : clients_) client->ReportLoss(lost);
    // A catalog change may be among them.
    changed_ = record.position;
    host_->OnCatalogChanged(record.position);
  }
  if (record.kind == RecordKind::kCatalogChanged) {
    changed_ = record.position;
    host_->OnCatalogChanged(record.position);
    return;
  }
  counters_->events_read.Add();
  position_ = FormatPosition(reader_.epoch(), record.position);
  const Dispatcher::Outcome outcome = dispatcher_.Dispatch(record, position_, this);
  if (outcome.malformed) {
    counters_->events_malformed.Add();
    Log(LogLevel::kDebug, "an event on channel \"%.*s\" has data that is not JSON",
        static_cast<int>(std::min<size_t>(record.channel.size(), 200)), record.channel.data());
  }
  if (outcome.delivered > 0) counters_->events_matched.Add();
  counters_->payloads_encoded.Add(outcome.encoded);
  counters_->messages_sent.Add(outcome.delivered);
}

void Shard::Deliver(Member* member, std::string_view payload) {
  auto* const subscription = static_cast<Subscription*>(member);
  subscription->client->Deliver(subscription, payload);
}

void Shard::BeforeWaiting() {
  // Flushing may close connections, which then take themselves off the list.
  while (!dirty_.empty()) {
    Client* const client = dirty_.back();
    dirty_.pop_back();
    client->Flush();
  }
  counters_->plans.Set(plans_.plans.size());

  // Announce the wait, then look again: a writer that published in between either sees `sleeping`
  // or is seen here.
  slot_->sleeping.store(1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (ring_->head.load(std::memory_order_acquire) == reader_.cursor()) {
    uv_idle_stop(&more_);
    return;
  }
  slot_->sleeping.store(0, std::memory_order_relaxed);
  uv_idle_start(&more_, [](uv_idle_t* handle) {
    static_cast<Shard*>(handle->loop->data)->ReadRing(kRecordsPerTurn);
  });
}

}  // namespace fsubs
