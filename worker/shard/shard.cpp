#include "worker/shard/shard.hpp"

#include <malloc.h>

#include <algorithm>
#include <exception>
#include <span>
#include <utility>

#include "worker/base/clock.hpp"
#include "worker/base/log.hpp"
#include "worker/base/loop_thread.hpp"
#include "worker/client/graphql_http.hpp"
#include "worker/client/http_client.hpp"
#include "worker/client/limit_error.hpp"
#include "worker/client/origin.hpp"
#include "worker/client/ws_client.hpp"
#include "worker/event/loss_notice.hpp"
#include "worker/hosted/peer_address.hpp"
#include "worker/json/json_writer.hpp"
#include "worker/shard/function_claims.hpp"
#include "worker/socket/close_code.hpp"

namespace fsubs {

// A turn of the loop: the sockets' callbacks, then OnTurn if there is work, then BeforeWaiting.
// Each part has a budget, so that a client waits for a turn and not for all the work there is:
//
//   events                   one under way after the other
//   the catalog              while no event is under way, clients are prepared for a changed one
//   messages                 those that waited for the catalog; log-ins that waited for keys
//   resolved events          what resolvers have made of events that were held for it
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
constexpr size_t kResolvedUnits = 4000;
constexpr size_t kMaxHeldTurns = 2;
constexpr uint64_t kUnitNs = 1000;
constexpr size_t kKeptText = 64 * 1024;    // the scratch memory of texts of so many bytes stays
constexpr uint64_t kLossInterval = 10000;  // ms between two lines in the log

}  // namespace

Shard::Shard(const Setup& setup)
    : index_(setup.index),
      shards_(setup.shards),
      host_(setup.host),
      ring_(setup.ring),
      counters_(setup.counters),
      peers_(setup.peers),
      audit_(setup.audit),
      limits_(setup.limits),
      options_(setup.options),
      listen_(setup.listen),
      tls_(setup.tls),
      tasks_("shard " + std::to_string(setup.index)),
      heartbeat_(setup.heartbeat),
      feed_(setup.ring, setup.slot, setup.wake_fd, this),
      loss_log_(kLossInterval, this),
      memory_return_(MemoryReturn::Limits(), setup.counters, this),
      gate_(CatalogGate::Limits(), this),
      stage_(setup.index, setup.counters, this),
      clocks_(&clients_),
      expiry_clock_(&clients_),
      authenticator_(Authenticator::Limits(), this),
      cut_clock_(&clients_),
      farewell_(&clients_),
      catch_up_(setup.ring, &clients_),
      places_(setup.ring),
      hosted_(this, [this](LinkId link, LinkReport report) {
        host_->OnLinkReport(link, std::move(report));
      }) {
  stage_.SetEpoch(feed_.epoch());
  SetRules();
}

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
  expiry_clock_.Attach(&loop_);
  authenticator_.Attach(&loop_);
  cut_clock_.Attach(&loop_);
  farewell_.Attach(&loop_);
  uv_timer_init(&loop_, &links_timer_);
  links_timer_.data = this;
  ApplyOptions();

  std::string error;
  server_ = SocketServer::Open(&loop_, this, peers_, listen_, Access(), kSubprotocols, &error);
  if (!server_) return error;
  feed_.Attach(&loop_);

  // As the log and /readyz call it.
  RunOnThread(&loop_, "shard " + std::to_string(index_));
  return {};
}

void Shard::SetOptions(std::shared_ptr<const Options> options,
                       std::shared_ptr<const TlsContext> tls) {
  tasks_.Post([this, options = std::move(options), tls = std::move(tls)] {
    const uint64_t expiry_notice = options_->expiry_notice;
    const bool has_other_function = options->authenticate != options_->authenticate;
    options_ = options;
    tls_ = tls;
    server_->SetAccess(Access());
    ApplyOptions();
    if (options->expiry_notice != expiry_notice) expiry_clock_.WatchAll();
    for (const auto& [id, client] : clients_) {
      client->OnOptionsChanged();
      if (has_other_function) client->OnFunctionChanged();
    }
    RevalidateAll();
  });
}

void Shard::Adopt(int fd) {
  tasks_.Post([this, fd] { server_->Adopt(fd); });
}

void Shard::OpenLink(LinkId link) {
  tasks_.Post([this, link] { hosted_.Open(link); });
}

void Shard::AddToLink(LinkId link, std::string commands, session::Take take) {
  tasks_.Post([this, link, commands = std::move(commands), take]() mutable {
    hosted_.Add(link, commands, take);
    more_ = true;
  });
}

void Shard::CloseLink(LinkId link) {
  tasks_.Post([this, link] {
    hosted_.Close(link);
    more_ = true;
  });
}

void Shard::ApplyOptions() {
  authenticator_.SetRules({.asks_function = !options_->authenticate.empty(),
                           .init_timeout_ms = options_->init_timeout,
                           .function_timeout_ms = options_->authenticate_timeout});
  clocks_.SetIntervals({.init_timeout_ms = options_->init_timeout,
                        .keepalive_ms = options_->keepalive_interval,
                        .slow_timeout_ms = options_->slow_timeout});
  stage_.SetLimit(options_->max_held_size);
  SetRules();
}

void Shard::SetCatalog(std::shared_ptr<const Catalog> catalog, Position covered) {
  tasks_.Post([this, catalog = std::move(catalog), covered] {
    rules_changed_ = rules_changed_ || !catalog || !catalog_ || !catalog->KeepsRulesOf(*catalog_);
    catalog_ = catalog;
    SetRules();
    // At once: preparing what they subscribed to anew takes its time.
    for (const auto& [id, client] : clients_) {
      if (catalog_) client->OnCatalog(*catalog_);
    }
    RevalidateAll();
    gate_.OnCovered(covered);
  });
}

void Shard::KeepCatalog(Position covered) {
  tasks_.Post([this, covered] {
    more_ = true;
    gate_.OnCovered(covered);
  });
}

// Without a catalog what it said of limits stays: nothing is served, but clients may connect.
void Shard::SetRules() {
  if (rules_ && !catalog_) return;
  rules_.emplace(Limits::FromOptions(*options_),
                 catalog_ ? std::span(catalog_->role_limits()) : std::span<const RoleLimits>());
}

void Shard::RevalidateAll() {
  unvalidated_.Clear();
  for (const auto& [id, client] : clients_) unvalidated_.Push(id);
  more_ = true;
}

void Shard::Drain() {
  tasks_.Post([this] {
    draining_ = true;
    gate_.Clear();
    authenticator_.Clear();
    for (const auto& [id, client] : clients_) client->Drain();
    farewell_.Start();
    uv_timer_start(
        &links_timer_,
        [](uv_timer_t* timer) { static_cast<Shard*>(timer->data)->hosted_.GiveUp(); },
        Farewell::kSilenceWithLossMs, 0);
    CheckDrained();
  });
}

void Shard::CheckDrained() {
  // Once: health checks come and go meanwhile.
  if (!draining_ || drained_ || !clients_.empty() || !hosted_.is_empty()) return;
  drained_ = true;
  host_->OnDrained();
}

void Shard::Connections(RowsReply reply) {
  TellRows(std::move(reply), [this](JsonWriter* rows) {
    for (const auto& [id, client] : clients_) client->WriteRow(index_, rows);
  });
}

void Shard::Subscriptions(RowsReply reply) {
  TellRows(std::move(reply), [this](JsonWriter* rows) {
    for (const auto& [id, client] : clients_) client->WriteSubscriptionRows(rows);
  });
}

void Shard::ExplainDelivery(DeliveryQuestion question, RowsReply reply) {
  TellRows(std::move(reply), [this, question = std::move(question)](JsonWriter* rows) {
    WriteDeliveryTrace(question, ring_, clients_, LimitsOfOperations(), feed_.cursor(), rows);
  });
}

void Shard::Disconnect(const Disconnection& disconnection, RowsReply reply) {
  TellRows(std::move(reply), [this, disconnection](JsonWriter* rows) {
    rows->BeginObject();
    rows->Key("disconnected");
    rows->Number(DisconnectAll(disconnection));
    rows->EndObject();
  });
}

size_t Shard::DisconnectAll(const Disconnection& disconnection) {
  size_t count = 0;
  for (const auto& [id, client] : clients_) {
    if (!client->IsMeant(disconnection)) continue;
    if (!client->Disconnect(disconnection.code, disconnection.reason)) continue;
    ++count;
    if (!audit_->is_enabled()) continue;
    audit_->Disconnected(client->audit_subject(), disconnection.code, disconnection.reason);
  }
  return count;
}

// Whoever asked waits for an answer, whatever happens here.
void Shard::TellRows(RowsReply reply, std::function<void(JsonWriter* rows)> write) {
  tasks_.Post([this, reply = std::move(reply), write = std::move(write)] {
    std::optional<std::string> rows;
    try {
      JsonWriter json(&rows.emplace());
      write(&json);
    } catch (const std::exception& error) {
      Log(LogLevel::kError, "shard %zu could not tell its rows: %s", index_, error.what());
      rows.reset();
    }
    reply(std::move(rows));
  });
}

void Shard::Remove(Client* client) {
  clients_.erase(client->id());
  expiry_clock_.Forget(client->id());
  authenticator_.Forget(client->id());
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

// Who presented credentials is this client, if limits allow another connection of his.
void Shard::Accept(Client* client, std::shared_ptr<const Identity> identity) {
  const auto reached = client->Admit(limits_, *identity);
  if (reached) {
    client->OnLimited(*reached);
  } else {
    client->OnAuthenticated(std::move(identity), {});
  }
}

void Shard::Vouch(Client* client, const std::string& claims, const std::string& requested_role) {
  std::string reason;
  if (!catalog_) {
    OnRefused(client->id(), LoginRefusal::kNoCatalog, "there is no catalog");
    return;
  }
  auto identity = Map(nullptr, requested_role, claims, &reason);
  if (identity) {
    OnIdentified(client->id(), std::move(identity));
  } else {
    OnRefused(client->id(), LoginRefusal::kFunction, reason);
  }
}

std::shared_ptr<const Limits> Shard::LimitsOf(const Identity* identity) const {
  return identity == nullptr ? rules_->everybody() : rules_->For(identity->roles);
}

std::shared_ptr<const Identity> Shard::Anonymous() {
  return options_->allow_anonymous ? catalog_->anonymous() : nullptr;
}

Verification Shard::Verify(const Credentials& credentials) {
  const uint64_t begun = uv_hrtime();
  Verification verification = verifier_.Verify(
      credentials, catalog_->issuers(),
      [this](const std::string& url) { return host_->FindKeys(url); }, NowUs());
  // As many clients may come at once as are connected, and events are not to wait for all of them.
  budget_.Spend((uv_hrtime() - begun) / kUnitNs);
  return verification;
}

void Shard::CallFunction(Authenticator::FunctionCall call,
                         std::function<void(Authenticator::FunctionAnswer)> reply) {
  host_->CallAuthenticate(
      {std::move(call.claims), std::move(call.init_payload), std::move(call.headers),
       std::move(call.asker)},
      [this, reply = std::move(reply)](ShardHost::AuthenticateAnswer answer) {
        tasks_.Post([reply, answer = std::move(answer)] { reply({answer.claims, answer.error}); });
      });
}

std::shared_ptr<const Identity> Shard::Map(const Identity* verified,
                                           const std::string& requested_role,
                                           const std::string& claims, std::string* reason) {
  return IdentityByFunction(catalog_->issuers(), verified, requested_role, claims, NowUs(), reason);
}

void Shard::OnIdentified(uint64_t client, std::shared_ptr<const Identity> identity) {
  const auto found = clients_.find(client);
  if (found != clients_.end()) Accept(found->second, std::move(identity));
}

void Shard::OnRefused(uint64_t client, LoginRefusal why, const std::string& reason) {
  const auto found = clients_.find(client);
  if (found == clients_.end()) return;
  found->second->NoteRefusal(why, reason);
  if (IsUndecided(why)) {
    found->second->OnUndecided(reason);
  } else {
    found->second->OnAuthenticated(nullptr, reason);
  }
}

void Shard::OnResolved(std::vector<ResolveResult> results) {
  tasks_.Post([this, results] { stage_.Add(results); });
}

void Shard::OnHeldRoom() {
  for (const uint64_t id : std::exchange(blocked_, {})) {
    const auto found = clients_.find(id);
    if (found == clients_.end() || !found->second->is_behind()) continue;
    catch_up_.Add(found->second);
    more_ = true;
  }
}

void Shard::RetryAuthentication(std::string url, KeysTried outcome) {
  tasks_.Post([this, url = std::move(url), outcome] { authenticator_.Retry(url, outcome); });
}

void Shard::RevalidateLater(Client* client) {
  unvalidated_.Push(client->id());
  more_ = true;
}

OperationLimits Shard::LimitsOfOperations() const {
  return {.max_tokens = options_->max_query_tokens,
          .max_depth = options_->max_query_depth,
          .max_aliases = options_->max_query_aliases,
          .max_selections = options_->max_query_selections,
          .max_size = options_->max_query_size,
          .max_conditions = options_->max_filter_conditions,
          .max_filter = options_->max_connection_memory,
          .max_response = options_->outbox_size / 2,
          .introspection = options_->introspection};
}

PrepareResult Shard::Prepare(const OperationRequest& request,
                             const std::shared_ptr<const Identity>& identity) {
  if (!gate_.is_covered()) {
    PrepareResult result;
    result.errors.push_back({"The catalog has changed and cannot be read now: try again later.",
                             kErrorServiceUnavailable});
    return result;
  }
  const uint64_t begun = uv_hrtime();
  PrepareResult result = fsubs::Prepare(catalog_, &plans_, request, identity, LimitsOfOperations());
  // What validation costs can be told only afterwards.
  budget_.Spend((uv_hrtime() - begun) / kUnitNs);
  return result;
}

bool Shard::CanServe(size_t clients) const {
  // The kernel spreads clients evenly over shards.
  const size_t limit = std::max<size_t>(1, options_->max_connections / shards_);
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

HttpReply Shard::OnPeerLimited(const HttpRequest& request, const std::string& peer,
                               const PeerRefusal& refusal) {
  counters_->CountLimited(refusal.limit);
  audit_->RefusedPeer(peer, KindOf(refusal.limit).key);
  HttpReply reply = ReplyWithLimit(refusal.limit, refusal.retry_after_s);
  reply.headers.emplace_back("vary", "origin");
  if (!request.origin.empty() &&
      OriginAllowed(options_->allowed_origins, request.origin, request.host)) {
    reply.headers.emplace_back("access-control-allow-origin", request.origin);
  }
  return reply;
}

std::unique_ptr<WsPeer> Shard::OnOpen(WsTransport* socket, std::string_view subprotocol,
                                      HttpRequest handshake) {
  const uint64_t id = NextId();
  auto client = std::make_unique<WsClient>(host(), socket, id, subprotocol, std::move(handshake));
  clocks_.AwaitInit(id);
  return client;
}

std::unique_ptr<HostedPeer> Shard::OnHostedOpen(WsTransport* transport, HostedOpening opening,
                                                HostedAdmission* admission) {
  const auto refuse = [&](uint16_t code, std::string_view reason) {
    admission->code = code;
    admission->reason = reason;
    return nullptr;
  };
  if (const auto address = ReadAddress(opening.peer)) {
    auto share = peers_->Admit(*address, peer_limits(), now_us());
    const LimitKey* limit = nullptr;
    static constexpr LimitKey kUnfinished = LimitKey::kConnectionsPerAddress;
    if (!share) {
      limit = &kUnfinished;
    } else if (share->refusal()) {
      limit = &share->refusal()->limit;
    }
    if (limit != nullptr) {
      counters_->CountLimited(*limit);
      audit_->RefusedPeer(opening.peer, KindOf(*limit).key);
      return refuse(kCloseTryAgainLater, KindOf(*limit).key);
    }
    share->Finish();
    admission->share.emplace(std::move(*share));
  }
  if (!OriginAllowed(options_->allowed_origins, opening.handshake.origin, opening.handshake.host)) {
    counters_->connections_refused.Add();
    return refuse(kCloseForbidden, "Forbidden");
  }
  if (draining_) return refuse(kCloseGoingAway, "Going away");
  if (is_standby() || !CanServe(clients_.size() + 1)) {
    counters_->connections_refused.Add();
    return refuse(kCloseTryAgainLater, is_standby() ? "Standby" : "Service unavailable");
  }
  const uint64_t id = NextId();
  auto client = std::make_unique<WsClient>(host(), transport, id, opening.subprotocol,
                                           std::move(opening.handshake), std::move(opening.claims));
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
  if (index_ == 0) host_->OnPublished();
  budget_ = WorkBudget(kEventUnits);
  if (ContinueEvent()) {
    // Clients that have not come to it yet get events by the older catalog meanwhile, unless rules
    // have changed.
    WorkBudget for_events = std::exchange(budget_, WorkBudget(kCatalogUnits));
    ContinueRevalidation();
    budget_ = for_events;
    if (held_ && !EventsWait()) {
      const EventRecord record = *held_;
      held_.reset();
      BeginEvent(record);
    }
    if (!event_under_way_ && !EventsWait() && !budget_.is_spent()) feed_.Read();
  }
  budget_ = WorkBudget(kMessageUnits);
  const bool admitted = gate_.Continue(&budget_);
  const bool verified = authenticator_.Continue(&budget_);
  const bool commanded = hosted_.Continue(&budget_);
  WorkBudget for_resolved(kResolvedUnits);
  stage_.Continue(&for_resolved);
  WorkBudget catch_up(kCatchUpUnits);
  const EventPlace next = held_ ? EventPlace{held_->position, held_->sequence}
                                : EventPlace{feed_.cursor(), feed_.next_sequence()};
  const bool current = catch_up_.Continue(next, &catch_up);
  const bool validates = !unvalidated_.is_empty() && gate_.is_covered();
  more_ = event_under_way_ || validates || !admitted || !verified || !commanded ||
          !stage_.is_idle() || !current;
}

// While an event is under way no subscription may be prepared anew: it would miss the event.
void Shard::ContinueRevalidation() {
  // Another catalog is on its way.
  if (!gate_.is_covered()) return;
  while (!unvalidated_.is_empty()) {
    const auto found = clients_.find(unvalidated_.front());
    if (found != clients_.end() && !found->second->Revalidate(catalog_.get(), &budget_)) return;
    unvalidated_.Pop();
  }
  rules_changed_ = false;
}

// What was committed behind a change of the catalog is for nobody to whom that change forbids it.
bool Shard::EventsWait() const {
  return !gate_.is_covered() || (rules_changed_ && !unvalidated_.is_empty());
}

bool Shard::OnRecord(const EventRecord& record, uint64_t lost) {
  if (lost > 0) {
    ReportLoss(lost);
    if (feed_.lost_catalog_change()) OnCatalogChanged(record.position);
  }
  if (record.kind == RecordKind::kCatalogChanged) {
    OnCatalogChanged(record.position);
    return !EventsWait();
  }
  if (EventsWait()) {
    held_ = record;
    return false;
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
  size_t freed = scratch_.Shrink(kKeptText) + buffers_.Shrink() + catch_up_.Shrink(kKeptText) +
                 stage_.Shrink(kKeptText);
  if (!event_under_way_ && !held_) freed += dispatcher_.Shrink(kKeptText) + feed_.Shrink(kKeptText);
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
    counters_->events_lost.Add(LostCount(record).value_or(0));
  } else {
    counters_->events_read.Add();
    NoteRead(record);
  }
  event_under_way_ = true;
  under_way_ = {record.position, record.sequence};
  const std::string position = FormatPosition(record.NameIn(feed_.epoch()));
  if (!dispatcher_.Begin(record, position, &budget_)) return false;
  if (dispatcher_.outcome().malformed) {
    Log(LogLevel::kDebug, "an event on channel \"%.*s\" has data that is not JSON",
        static_cast<int>(std::min<size_t>(record.channel.size(), 200)), record.channel.data());
  }
  return ContinueEvent();
}

void Shard::NoteRead(const EventRecord& record) {
  if (read_us_ != 0) return;
  read_us_ = MonotonicUs();
  if (record.commit_time_us > 0) counters_->commit_to_read.Observe(NowUs() - record.commit_time_us);
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
  counters_->denied_by_row_filter.Add(outcome.denied.by_row_filter);
  counters_->denied_by_tenant.Add(outcome.denied.by_tenant);
  counters_->denied_by_federation.Add(outcome.denied.by_federation);
  return true;
}

void Shard::BeforeWaiting() {
  WorkBudget for_answers(kAnswerFlushUnits);
  bool flushed = answers_.Continue(&for_answers);
  const bool reads = !held_ && !EventsWait();
  const bool more_events = event_under_way_ || (reads && feed_.has_more());
  if (more_events && !events_.empty() && held_turns_ < kMaxHeldTurns) {
    ++held_turns_;
    flushed = false;
  } else {
    held_turns_ = 0;
    const bool had_events = !events_.empty();
    WorkBudget for_events(kEventFlushUnits);
    flushed = events_.Continue(&for_events) && flushed;
    if (events_.empty() && !event_under_way_) {
      if (had_events && read_us_ != 0) {
        counters_->read_to_socket.Observe(static_cast<int64_t>(MonotonicUs() - read_us_));
      }
      read_us_ = 0;
    }
  }
  hosted_.Settle();
  if (stage_.has_order()) host_->CallResolvers(stage_.TakeOrder());
  CheckDrained();
  counters_->plans.Set(plans_.plans.size());
  feed_.PrepareToWait(more_ || !flushed, reads);
}

}  // namespace fsubs
