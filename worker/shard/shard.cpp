#include "worker/shard/shard.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "worker/base/log.hpp"
#include "worker/client/http_client.hpp"
#include "worker/client/origin.hpp"
#include "worker/client/ws_client.hpp"
#include "worker/json/json_writer.hpp"

namespace fsubs {

Shard::Shard(const Setup& setup)
    : index_(setup.index),
      host_(setup.host),
      counters_(setup.counters),
      options_(setup.options),
      tasks_("shard " + std::to_string(setup.index)),
      feed_(setup.ring, setup.slot, setup.wake_fd, this),
      gate_(CatalogGate::Limits(), this),
      clocks_(&clients_) {}

std::string Shard::Start() {
  uv_loop_init(&loop_);
  uv_prepare_init(&loop_, &waiting_);
  waiting_.data = this;
  uv_prepare_start(
      &waiting_, [](uv_prepare_t* handle) { static_cast<Shard*>(handle->data)->BeforeWaiting(); });
  tasks_.Attach(&loop_);
  gate_.Attach(&loop_);
  clocks_.Attach(&loop_);
  clocks_.SetIntervals(options_->init_timeout, options_->keepalive_interval);

  std::string error;
  server_ = SocketServer::Open(&loop_, this, {options_->listen_address, options_->port},
                               kSubprotocols, &error);
  if (!server_) return error;
  feed_.Attach(&loop_);

  // Signals are the control thread's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([this] { uv_run(&loop_, UV_RUN_DEFAULT); }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return {};
}

void Shard::SetOptions(std::shared_ptr<const Options> options) {
  tasks_.Post([this, options = std::move(options)] {
    options_ = options;
    clocks_.SetIntervals(options_->init_timeout, options_->keepalive_interval);
  });
}

void Shard::SetCatalog(std::shared_ptr<const Catalog> catalog, Position covered) {
  tasks_.Post([this, catalog = std::move(catalog), covered] {
    catalog_ = catalog;
    for (const auto& [id, client] : clients_) client->Revalidate();
    gate_.OnCovered(covered);
  });
}

void Shard::Drain() {
  tasks_.Post([this] {
    draining_ = true;
    gate_.Clear();
    for (const auto& [id, client] : clients_) client->Drain();
    CheckDrained();
  });
}

void Shard::CheckDrained() {
  if (draining_ && clients_.empty()) host_->OnDrained();
}

void Shard::Connections(std::function<void(std::string rows)> reply) {
  tasks_.Post([this, reply = std::move(reply)] {
    std::string rows;
    JsonWriter json(&rows);
    for (const auto& [id, client] : clients_) client->WriteRow(index_, &json);
    reply(std::move(rows));
  });
}

void Shard::Subscriptions(std::function<void(std::string rows)> reply) {
  tasks_.Post([this, reply = std::move(reply)] {
    std::string rows;
    JsonWriter json(&rows);
    for (const auto& [id, client] : clients_) client->WriteSubscriptionRows(&json);
    reply(std::move(rows));
  });
}

void Shard::Remove(Client* client) {
  clients_.erase(client->id());
  std::erase(unflushed_, client);
  CheckDrained();
}

bool Shard::AdmitOrHold(Client* client, std::string_view message) {
  // One turn only, so that a flood of events cannot hold up a client's message for ever.
  feed_.ReadTurn();
  if (gate_.is_open()) return true;
  gate_.Hold(client->id(), message);
  return false;
}

void Shard::OnAdmitted(uint64_t client, std::string_view message) {
  const auto found = clients_.find(client);
  if (found != clients_.end()) found->second->Handle(message);
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
  auto client = std::make_unique<WsClient>(host(), socket, id, subprotocol);
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

void Shard::OnRecord(const EventRecord& record, uint64_t lost) {
  if (lost > 0) {
    ReportLoss(lost);
    // A catalog change may be among them.
    OnCatalogChanged(record.position);
  }
  if (record.kind == RecordKind::kCatalogChanged) {
    OnCatalogChanged(record.position);
  } else {
    DispatchEvent(record);
  }
}

void Shard::ReportLoss(uint64_t lost) {
  counters_->events_lost.Add(lost);
  Log(LogLevel::kWarning,
      "shard %zu was lapped: %llu events were overwritten before they were read; "
      "fraiseql_subs.ring_size may be too small",
      index_, static_cast<unsigned long long>(lost));
  for (const auto& [id, client] : clients_) client->ReportLoss(lost);
}

void Shard::OnCatalogChanged(Position position) {
  gate_.OnChanged(position);
  host_->OnCatalogChanged(position);
}

void Shard::DispatchEvent(const EventRecord& record) {
  counters_->events_read.Add();
  position_ = FormatPosition(feed_.epoch(), record.position);
  const Dispatcher::Outcome outcome = dispatcher_.Dispatch(record, position_);
  if (outcome.malformed) {
    counters_->events_malformed.Add();
    Log(LogLevel::kDebug, "an event on channel \"%.*s\" has data that is not JSON",
        static_cast<int>(std::min<size_t>(record.channel.size(), 200)), record.channel.data());
  }
  if (outcome.delivered > 0) counters_->events_matched.Add();
  counters_->payloads_encoded.Add(outcome.encoded);
  counters_->messages_sent.Add(outcome.delivered);
}

void Shard::BeforeWaiting() {
  // Flushing may close connections, which then take themselves off the list.
  while (!unflushed_.empty()) {
    Client* const client = unflushed_.back();
    unflushed_.pop_back();
    client->Flush();
  }
  counters_->plans.Set(plans_.plans.size());
  feed_.PrepareToWait();
}

}  // namespace fsubs
