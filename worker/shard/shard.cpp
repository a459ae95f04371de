#include "worker/shard/shard.hpp"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "worker/base/log.hpp"
#include "worker/client/graphql_http.hpp"
#include "worker/client/http_client.hpp"
#include "worker/client/origin.hpp"
#include "worker/client/ws_client.hpp"
#include "worker/event/loss_notice.hpp"
#include "worker/json/json_writer.hpp"

namespace fsubs {

// A turn of the loop: the sockets' callbacks, then OnTurn if there is work, then BeforeWaiting.
// Each part has a budget, so that a client waits for a turn and not for all the work there is:
//
//   events                   one under way after the other
//   the catalog              while no event is under way, clients are prepared for a changed one
//   messages                 those that waited for the catalog
//   catching up              clients that are behind
//   flushing                 clients with something to write
//
// Events are flushed when the ring has been read, so that a client gets those of one commit in one
// write, but not later than after a few turns.

namespace {

constexpr size_t kEventUnits = 4000;
constexpr size_t kCatalogUnits = 2000;
constexpr size_t kCatchUpUnits = 2000;
constexpr size_t kAnswerFlushUnits = 3000;
constexpr size_t kEventFlushUnits = 12000;
constexpr size_t kMessageUnits = 3000;
constexpr size_t kMaxHeldTurns = 2;
constexpr uint64_t kUnitNs = 1000;
constexpr size_t kKeptText = 64 * 1024;    // the scratch memory of texts of so many bytes stays
constexpr uint64_t kLossInterval = 10000;  // ms between two lines in the log

}  // namespace

Shard::Shard(const Setup& setup)
    : index_(setup.index),
      host_(setup.host),
      ring_(setup.ring),
      counters_(setup.counters),
      peers_(setup.peers),
      options_(setup.options),
      tls_(setup.tls),
      tasks_("shard " + std::to_string(setup.index)),
      heartbeat_(setup.heartbeat),
      feed_(setup.ring, setup.slot, setup.wake_fd, this),
      loss_log_(kLossInterval, this),
      memory_return_(MemoryReturn::Limits(), setup.counters, this),
      gate_(CatalogGate::Limits(), this),
      clocks_(&clients_),
      farewell_(&clients_),
      catch_up_(setup.ring, &clients_) {}

std::string Shard::Start() {
  uv_loop_init(&loop_);
  uv_prepare_init(&loop_, &waiting_);
  waiting_.data = this;
  uv_prepare_start(
      &waiting_, [](uv_prepare_t* handle) { static_cast<Shard*>(handle->data)->BeforeWaiting(); });
  tasks_.Attach(&loop_);
  heartbeat_.Attach(&loop_);
  loss_log_.Attach(&loop_);
  memory_return_.Attach(&loop_);
  gate_.Attach(&loop_);
  clocks_.Attach(&loop_);
  farewell_.Attach(&loop_);
  SetClocks();

  std::string error;
  server_ = SocketServer::Open(&loop_, this, peers_, {options_->listen_address, options_->port},
                               Access(), kSubprotocols, &error);
  if (!server_) return error;
  feed_.Attach(&loop_);

  // Signals are the control thread's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([this] {
    // As the log and /readyz call it, for whoever looks at threads.
    pthread_setname_np(pthread_self(), ("shard " + std::to_string(index_)).c_str());
    uv_run(&loop_, UV_RUN_DEFAULT);
  }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return {};
}

void Shard::SetOptions(std::shared_ptr<const Options> options,
                       std::shared_ptr<const TlsContext> tls) {
  tasks_.Post([this, options = std::move(options), tls = std::move(tls)] {
    options_ = options;
    tls_ = tls;
    server_->SetAccess(Access());
    SetClocks();
    for (const auto& [id, client] : clients_) client->OnOptionsChanged();
  });
}

void Shard::Adopt(int fd) {
  tasks_.Post([this, fd] { server_->Adopt(fd); });
}

void Shard::SetClocks() {
  clocks_.SetIntervals({.init_timeout_ms = options_->init_timeout,
                        .keepalive_ms = options_->keepalive_interval,
                        .slow_timeout_ms = options_->slow_timeout});
}

void Shard::SetCatalog(std::shared_ptr<const Catalog> catalog, Position covered) {
  tasks_.Post([this, catalog = std::move(catalog), covered] {
    catalog_ = catalog;
    unvalidated_.clear();
    for (const auto& [id, client] : clients_) unvalidated_.push_back(id);
    more_ = true;
    gate_.OnCovered(covered);
  });
}

void Shard::Drain() {
  tasks_.Post([this] {
    draining_ = true;
    gate_.Clear();
    for (const auto& [id, client] : clients_) client->Drain();
    farewell_.Start();
    CheckDrained();
  });
}

void Shard::CheckDrained() {
  // Once: health checks come and go meanwhile.
  if (!draining_ || drained_ || !clients_.empty()) return;
  drained_ = true;
  host_->OnDrained();
}

void Shard::Connections(RowsReply reply) {
  tasks_.Post([this, reply = std::move(reply)] {
    TellRows(reply,
             [this](const Client& client, JsonWriter* json) { client.WriteRow(index_, json); });
  });
}

void Shard::Subscriptions(RowsReply reply) {
  tasks_.Post([this, reply = std::move(reply)] {
    TellRows(reply,
             [](const Client& client, JsonWriter* json) { client.WriteSubscriptionRows(json); });
  });
}

// Whoever asked waits for an answer, whatever happens here.
void Shard::TellRows(const RowsReply& reply,
                     const std::function<void(const Client&, JsonWriter*)>& write) {
  std::optional<std::string> rows;
  try {
    JsonWriter json(&rows.emplace());
    for (const auto& [id, client] : clients_) write(*client, &json);
  } catch (const std::exception& error) {
    Log(LogLevel::kError, "shard %zu could not tell its rows: %s", index_, error.what());
    rows.reset();
  }
  reply(std::move(rows));
}

void Shard::Remove(Client* client) {
  clients_.erase(client->id());
  answers_.Remove(client);
  events_.Remove(client);
  CheckDrained();
}

bool Shard::AdmitOrHold(Client* client, std::string_view message) {
  if (const auto changed = feed_.UnreadCatalogChange()) OnCatalogChanged(*changed);
  if (gate_.is_open()) return true;
  gate_.Hold(client->id(), message);
  return false;
}

void Shard::OnAdmitted(uint64_t client, std::string_view message) {
  const auto found = clients_.find(client);
  if (found != clients_.end()) found->second->Handle(message);
}

void Shard::Authenticate(Client* client, Credentials) {
  const bool accepted = options_->allow_anonymous && catalog_;
  client->OnAuthenticated(accepted ? catalog_->anonymous() : nullptr, {});
}

void Shard::RetryAuthentication() {}

void Shard::RevalidateLater(Client* client) {
  unvalidated_.push_back(client->id());
  more_ = true;
}

PrepareResult Shard::Prepare(const OperationRequest& request,
                             const std::shared_ptr<const Identity>& identity) {
  const uint64_t begun = uv_hrtime();
  PrepareResult result = fsubs::Prepare(catalog_, &plans_, request, identity,
                                        {.max_tokens = options_->max_query_tokens,
                                         .max_depth = options_->max_query_depth,
                                         .max_aliases = options_->max_query_aliases,
                                         .max_selections = options_->max_query_selections,
                                         .max_size = options_->max_query_size,
                                         .max_conditions = options_->max_filter_conditions,
                                         .max_filter = options_->max_connection_memory,
                                         .max_response = options_->outbox_size / 2,
                                         .introspection = options_->introspection});
  // What validation costs can be told only afterwards.
  budget_.Spend((uv_hrtime() - begun) / kUnitNs);
  return result;
}

bool Shard::CanServe(size_t clients) const {
  // The kernel spreads clients evenly over shards.
  const size_t limit = std::max<size_t>(1, options_->max_connections / options_->wake_fds.size());
  return is_serving() && clients <= limit;
}

std::optional<HttpReply> Shard::OnUpgrade(const HttpRequest& handshake) {
  HttpReply reply;
  if (!OriginAllowed(options_->allowed_origins, handshake.origin, handshake.host)) {
    reply.status = kHttpForbidden;
    reply.body = "Forbidden\n";
  } else if (is_standby()) {
    reply = ReplyOfStandby();
  } else if (!CanServe(clients_.size() + 1)) {
    reply.status = kHttpServiceUnavailable;
    reply.body = "Service Unavailable\n";
  } else {
    return std::nullopt;
  }
  counters_->connections_refused.Add();
  return reply;
}

std::unique_ptr<WsPeer> Shard::OnOpen(WsSocket socket, std::string_view subprotocol,
                                      HttpRequest handshake) {
  const uint64_t id = NextId();
  auto client = std::make_unique<WsClient>(host(), socket, id, subprotocol, std::move(handshake));
  clocks_.AwaitInit(id);
  return client;
}

std::unique_ptr<HttpPeer> Shard::OnHttp(HttpSocket socket) {
  return std::make_unique<HttpClient>(host(), socket, NextId());
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

void Shard::OnTurn() {
  budget_ = WorkBudget(kEventUnits);
  if (ContinueEvent()) {
    // Clients that have not come to it yet get events by the older catalog meanwhile.
    WorkBudget for_events = std::exchange(budget_, WorkBudget(kCatalogUnits));
    ContinueRevalidation();
    budget_ = for_events;
    if (!budget_.is_spent()) feed_.Read();
  }
  budget_ = WorkBudget(kMessageUnits);
  const bool admitted = gate_.Continue(&budget_);
  WorkBudget catch_up(kCatchUpUnits);
  const bool current = catch_up_.Continue({feed_.cursor(), feed_.next_sequence()}, &catch_up);
  more_ = event_under_way_ || !unvalidated_.empty() || !admitted || !current;
}

// While an event is under way no subscription may be prepared anew: it would miss the event.
void Shard::ContinueRevalidation() {
  while (!unvalidated_.empty()) {
    const auto found = clients_.find(unvalidated_.front());
    if (found != clients_.end() && !found->second->Revalidate(catalog_.get(), &budget_)) return;
    unvalidated_.pop_front();
  }
}

bool Shard::OnRecord(const EventRecord& record, uint64_t lost) {
  if (lost > 0) {
    ReportLoss(lost);
    if (feed_.lost_catalog_change()) OnCatalogChanged(record.position);
  }
  if (record.kind == RecordKind::kCatalogChanged) {
    OnCatalogChanged(record.position);
    return true;
  }
  return BeginEvent(record) && !budget_.is_spent();
}

void Shard::ReportLoss(uint64_t lost) {
  counters_->events_lost.Add(lost);
  loss_log_.Add(lost);
  for (const auto& [id, client] : clients_) {
    // What one that is behind has lost is known when it catches up.
    if (!client->is_behind()) client->ReportLoss(lost);
  }
}

void Shard::OnLossDue(uint64_t lost) {
  Log(LogLevel::kWarning,
      "shard %zu was lapped: %llu events were lost before they were read; "
      "fraiseql_subs.ring_size may be too small",
      index_, static_cast<unsigned long long>(lost));
}

size_t Shard::OnShrink() {
  size_t freed = scratch_.Shrink(kKeptText) + buffers_.Shrink() + catch_up_.Shrink(kKeptText);
  if (!event_under_way_) freed += dispatcher_.Shrink(kKeptText) + feed_.Shrink(kKeptText);
  return freed;
}

// What many small blocks leave behind lies between blocks that stay. The allocator gives only the
// end of its memory back by itself.
uint64_t Shard::OnTrim() {
  const uint64_t begun = uv_hrtime();
  malloc_trim(0);
  return (uv_hrtime() - begun) / 1'000'000;
}

void Shard::OnCatalogChanged(Position position) {
  gate_.OnChanged(position);
  host_->OnCatalogChanged(position);
}

bool Shard::BeginEvent(const EventRecord& record) {
  if (record.kind == RecordKind::kEventsLost) {
    counters_->events_lost.Add(LostCount(record));
  } else {
    counters_->events_read.Add();
  }
  event_under_way_ = true;
  const std::string position = FormatPosition(feed_.epoch(), record.position);
  if (!dispatcher_.Begin(record, position, &budget_)) return false;
  if (dispatcher_.outcome().malformed) {
    Log(LogLevel::kDebug, "an event on channel \"%.*s\" has data that is not JSON",
        static_cast<int>(std::min<size_t>(record.channel.size(), 200)), record.channel.data());
  }
  return ContinueEvent();
}

// Returns whether no event is under way any more.
bool Shard::ContinueEvent() {
  if (!event_under_way_) return true;
  if (!dispatcher_.Continue(&budget_)) return false;
  event_under_way_ = false;
  const Dispatcher::Outcome& outcome = dispatcher_.outcome();
  if (outcome.malformed) counters_->events_malformed.Add();
  if (outcome.matched > 0) counters_->events_matched.Add();
  counters_->payloads_encoded.Add(outcome.encoded);
  return true;
}

void Shard::BeforeWaiting() {
  WorkBudget for_answers(kAnswerFlushUnits);
  bool flushed = answers_.Continue(&for_answers);
  const bool more_events = event_under_way_ || feed_.has_more();
  if (more_events && !events_.empty() && held_turns_ < kMaxHeldTurns) {
    ++held_turns_;
    flushed = false;
  } else {
    held_turns_ = 0;
    WorkBudget for_events(kEventFlushUnits);
    flushed = events_.Continue(&for_events) && flushed;
  }
  counters_->plans.Set(plans_.plans.size());
  feed_.PrepareToWait(more_ || !flushed);
}

}  // namespace fsubs
