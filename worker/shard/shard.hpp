// One shard: a thread with its own loop, listening socket, clients, plans and ring cursor. Joins
// the parts that serve its clients. Shards share nothing that changes but their counters and what
// addresses, users and tenants hold.
//
// A started shard lives until the process ends: a drained worker exits without taking its threads
// apart. Functions marked "any thread" may be called from any; everything else belongs to the
// shard's thread.
#pragma once

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "contract/ring_layout.hpp"
#include "worker/base/audit_log.hpp"
#include "worker/base/clock.hpp"
#include "worker/base/counters.hpp"
#include "worker/base/heartbeat.hpp"
#include "worker/base/options.hpp"
#include "worker/base/task_queue.hpp"
#include "worker/base/work_budget.hpp"
#include "worker/client/client.hpp"
#include "worker/client/client_host.hpp"
#include "worker/event/dispatch.hpp"
#include "worker/hosted/hosted_server.hpp"
#include "worker/hosted/link_report.hpp"
#include "worker/hosted/session_link.hpp"
#include "worker/hosted/session_links.hpp"
#include "worker/identity/key_set.hpp"
#include "worker/limits/limit_table.hpp"
#include "worker/limits/limits.hpp"
#include "worker/operation/catalog.hpp"
#include "worker/operation/operation.hpp"
#include "worker/resolve/held_stage.hpp"
#include "worker/resolve/resolve_call.hpp"
#include "worker/shard/authenticator.hpp"
#include "worker/shard/catalog_gate.hpp"
#include "worker/shard/catch_up.hpp"
#include "worker/shard/client_clocks.hpp"
#include "worker/shard/client_queue.hpp"
#include "worker/shard/cut_clock.hpp"
#include "worker/shard/delivery_trace.hpp"
#include "worker/shard/expiry_clock.hpp"
#include "worker/shard/farewell.hpp"
#include "worker/shard/flush_list.hpp"
#include "worker/shard/loss_log.hpp"
#include "worker/shard/memory_return.hpp"
#include "worker/shard/ring_feed.hpp"
#include "worker/shard/ring_places.hpp"
#include "worker/socket/listener.hpp"
#include "worker/socket/outbox.hpp"
#include "worker/socket/socket_server.hpp"

namespace fsubs {

// What the shards need of the worker. All functions may be called from any thread.
class ShardHost {
 public:
  virtual ~ShardHost() = default;
  // The record at `position` says that the catalog changed: load it anew.
  virtual void OnCatalogChanged(Position position) = 0;
  // The ring may have more records than before. Called by shard 0 alone, often.
  virtual void OnPublished() = 0;
  // The keys fetched from the `jwks_url` of an issuer; null: none yet.
  virtual std::shared_ptr<const KeySet> FindKeys(const std::string& url) = 0;
  // They lack one that a token names: fetch them, if that is due. When that is done, whatever came
  // of it, each shard's RetryAuthentication is called; if it is not due, that of `shard` alone.
  virtual void RefreshKeys(const std::string& url, size_t shard) = 0;
  // Have an executor call the function that the setting `authenticate` names. `reply` is called
  // once, on the control thread.
  struct AuthenticateCall {
    std::string claims;  // JSON; empty: null
    std::string init_payload;
    std::string headers;
    // Once it has expired nobody waits for the answer any more. None: somebody always does.
    std::optional<std::weak_ptr<const void>> asker;
  };
  struct AuthenticateAnswer {
    std::string claims;  // a JSON object; empty: refused
    std::string error;   // it could not be asked, or failed: refused, too
  };
  virtual void CallAuthenticate(AuthenticateCall call,
                                std::function<void(AuthenticateAnswer)> reply) = 0;
  // Have resolvers called, or not called after all; Shard::OnResolved is told what came of it.
  virtual void CallResolvers(ResolveOrder order) = 0;
  // The shard has no client left after Drain.
  virtual void OnDrained() = 0;
  virtual void OnLinkReport(LinkId link, LinkReport report) = 0;
  virtual HttpReply OnGet(std::string_view path) = 0;
};

class Shard final : public LinkShard,
                    private ClientHost,
                    private SocketServerHost,
                    private HostedHost,
                    private RingFeed::Sink,
                    private LossLog::Sink,
                    private MemoryReturn::Sink,
                    private HeldStage::Sink,
                    private CatalogGate::Sink,
                    private Authenticator::Host {
 public:
  struct Setup {
    size_t index = 0;
    size_t shards = 1;  // of the worker
    ShardHost* host = nullptr;
    const RingHeader* ring = nullptr;
    ShardSlot* slot = nullptr;                   // its own in the reader page
    std::atomic<uint64_t>* heartbeat = nullptr;  // there, too
    int wake_fd = -1;
    ShardCounters* counters = nullptr;
    PeerCounts* peers = nullptr;   // of all shards
    LimitTable* limits = nullptr;  // likewise
    AuditLog* audit = nullptr;     // likewise
    std::shared_ptr<const Options> options;
    Listen listen;
    std::shared_ptr<const TlsContext> tls;  // null: without TLS
  };

  explicit Shard(const Setup& setup);

  // Listen and start the thread. Returns an empty string, or what went wrong.
  std::string Start();

  // Any thread.
  void SetOptions(std::shared_ptr<const Options> options, std::shared_ptr<const TlsContext> tls);
  // Serve a client that was accepted at the Unix socket.
  void Adopt(int fd);
  // `catalog` contains every change announced before `covered`; null: nothing is served any more.
  void SetCatalog(std::shared_ptr<const Catalog> catalog, Position covered);
  // What was announced before `covered` cannot be served: the catalog stays.
  void KeepCatalog(Position covered);
  void Drain();
  // Those who wait for the keys of `url` may be verified again.
  void RetryAuthentication(std::string url, KeysTried outcome);
  // What came of calls of its.
  void OnResolved(std::vector<ResolveResult> results);
  // Is called on the shard's thread with JSON objects separated by commas, or with nothing if
  // writing them failed.
  using RowsReply = std::function<void(std::optional<std::string> rows)>;
  void Connections(RowsReply reply);
  void Subscriptions(RowsReply reply);
  // Its one row says how many clients that were.
  void Disconnect(const Disconnection& disconnection, RowsReply reply);
  void ExplainDelivery(DeliveryQuestion question, RowsReply reply);
  // LinkShard
  void OpenLink(LinkId link) override;
  void AddToLink(LinkId link, std::string commands, session::Take take) override;
  void CloseLink(LinkId link) override;
  // Of the shard that a client belongs to.
  static size_t IndexOf(uint64_t client) { return client % kMaxShards; }

 private:
  // ClientHost
  const Options& options() const override { return *options_; }
  ShardCounters* counters() override { return counters_; }
  AuditLog* audit() override { return audit_; }
  BufferPool* buffers() override { return &buffers_; }
  JsonTree* scratch() override { return &scratch_; }
  void Add(Client* client) override { clients_[client->id()] = client; }
  void Remove(Client* client) override;
  void FlushLater(Client* client, Flush when) override {
    (when == Flush::kWithEvents ? events_ : answers_).Add(client);
  }
  void CatchUpLater(Client* client) override {
    catch_up_.Add(client);
    more_ = true;
  }
  void TellCutsLater(Client* client) override { cut_clock_.Add(client->id()); }
  HeldStage* held_stage() override { return &stage_; }
  void AwaitHeldRoom(Client* client) override { blocked_.push_back(client->id()); }
  Position position() const override { return feed_.head(); }
  EventPlace dispatched() const override {
    if (event_under_way_) return under_way_;
    if (held_) return {held_->position, held_->sequence};
    return {feed_.cursor(), feed_.next_sequence()};
  }
  uint64_t SequenceBefore(Position position) override {
    return places_.SequenceBefore(position, {feed_.cursor(), feed_.next_sequence()});
  }
  std::optional<Continuation> FindBehind(uint64_t sequence) override {
    return places_.FindBehind(sequence);
  }
  bool AdmitOrHold(Client* client, std::string_view message) override;
  void Authenticate(Client* client, Credentials credentials) override {
    authenticator_.Begin(client->id(), std::move(credentials));
  }
  void Vouch(Client* client, const std::string& claims, const std::string& requested_role) override;
  void WatchExpiry(Client* client) override { expiry_clock_.Watch(client->id()); }
  std::shared_ptr<const Limits> LimitsOf(const Identity* identity) const override;
  uint64_t now_us() const override { return MonotonicUs(); }
  PrepareResult Prepare(const OperationRequest& request,
                        const std::shared_ptr<const Identity>& identity) override;
  void RevalidateLater(Client* client) override;
  void Subscribe(Member* member, PreparedSubscription subscription) override {
    dispatcher_.Add(member, std::move(subscription));
  }
  void Unsubscribe(Member* member) override { dispatcher_.Remove(member); }
  bool is_standby() const override {
    return (ring_->server_state.load(std::memory_order_relaxed) & kServerInRecovery) != 0;
  }
  bool is_serving() const override { return catalog_ && !draining_; }
  bool can_serve() const override { return CanServe(clients_.size()); }
  HttpReply OnGet(const HttpRequest& request) override;

  // SocketServerHost
  std::optional<HttpReply> OnUpgrade(const HttpRequest& handshake) override;
  std::unique_ptr<WsPeer> OnOpen(WsTransport* socket, std::string_view subprotocol,
                                 HttpRequest handshake) override;
  std::unique_ptr<HttpPeer> OnHttp(HttpSocket socket) override;
  // HostedHost, too.
  size_t max_message_size() const override { return options_->max_message_size; }
  bool wants_headers() const override { return !options_->authenticate.empty(); }
  PeerLimits peer_limits() const override {
    const Limits& limits = *rules_->everybody();
    return {limits.of(LimitKey::kConnectionsPerAddress),
            limits.of(LimitKey::kNewConnectionsPerAddress), options_->max_unfinished_per_address};
  }
  void OnPeerRefused() override { counters_->connections_refused_by_address.Add(); }
  HttpReply OnPeerLimited(const HttpRequest& request, const std::string& peer,
                          const PeerRefusal& refusal) override;
  void OnHandshakeFailed() override { counters_->tls_handshakes_failed.Add(); }

  // HostedHost
  std::unique_ptr<HostedPeer> OnHostedOpen(WsTransport* transport, HostedOpening opening,
                                           HostedAdmission* admission) override;

  // RingFeed::Sink
  void OnTurn() override;
  bool OnRecord(const EventRecord& record, uint64_t lost) override;

  // LossLog::Sink
  void OnLossDue(uint64_t lost) override;

  // MemoryReturn::Sink
  size_t OnShrink() override;
  uint64_t OnTrim() override;

  // HeldStage::Sink
  void OnHeldWork() override { more_ = true; }
  void OnHeldRoom() override;

  // CatalogGate::Sink
  void OnOpen() override { more_ = true; }
  void OnAdmitted(uint64_t client, std::string_view message) override;

  // Authenticator::Host
  std::shared_ptr<const Identity> Anonymous() override;
  bool HasCatalog() override { return catalog_ != nullptr; }
  Verification Verify(const Credentials& credentials) override;
  bool HasKeys(const std::string& url) override { return host_->FindKeys(url) != nullptr; }
  void RefreshKeys(const std::string& url) override { host_->RefreshKeys(url, index_); }
  void CallFunction(Authenticator::FunctionCall call,
                    std::function<void(Authenticator::FunctionAnswer)> reply) override;
  std::shared_ptr<const Identity> Map(const Identity* verified, const std::string& requested_role,
                                      const std::string& claims, std::string* reason) override;
  void OnIdentified(uint64_t client, std::shared_ptr<const Identity> identity) override;
  void OnRefused(uint64_t client, LoginRefusal why, const std::string& reason) override;
  void OnMore() override { more_ = true; }

  ClientHost* host() { return this; }  // the base is private
  void TellRows(RowsReply reply, std::function<void(JsonWriter* rows)> write);
  OperationLimits LimitsOfOperations() const;
  size_t DisconnectAll(const Disconnection& disconnection);
  void ApplyOptions();
  void Accept(Client* client, std::shared_ptr<const Identity> identity);
  void SetRules();
  void RevalidateAll();
  SocketServer::Access Access() const {
    return {tls_, TrustedProxies(options_->proxy_protocol_from)};
  }
  bool CanServe(size_t clients) const;
  uint64_t NextId() { return ++last_id_ * kMaxShards + index_; }  // unique over all shards
  void ReportLoss(uint64_t lost);
  bool EventsWait() const;
  bool BeginEvent(const EventRecord& record);
  bool ContinueEvent();
  void NoteRead(const EventRecord& record);
  void ContinueRevalidation();
  void OnCatalogChanged(Position position);
  void BeforeWaiting();
  void CheckDrained();

  const size_t index_;
  const size_t shards_;
  ShardHost* const host_;
  const RingHeader* const ring_;
  ShardCounters* const counters_;
  PeerCounts* const peers_;
  AuditLog* const audit_;
  LimitTable* const limits_;
  std::shared_ptr<const Options> options_;
  const Listen listen_;
  std::shared_ptr<const TlsContext> tls_;
  std::shared_ptr<const Catalog> catalog_;  // null: no extension or no database (yet)
  std::optional<LimitRules> rules_;         // by these two

  uv_loop_t loop_{};
  uv_prepare_t waiting_{};  // once per turn, before the loop waits
  TaskQueue tasks_;
  Heartbeat heartbeat_;
  RingFeed feed_;
  LossLog loss_log_;
  MemoryReturn memory_return_;
  CatalogGate gate_;
  std::unique_ptr<SocketServer> server_;
  PlanCache plans_;
  Dispatcher dispatcher_;
  HeldStage stage_;
  BufferPool buffers_;
  JsonTree scratch_;
  ClientMap clients_;
  ClientClocks clocks_;
  ExpiryClock expiry_clock_;
  TokenVerifier verifier_;
  Authenticator authenticator_;
  CutClock cut_clock_;
  Farewell farewell_;
  CatchUp catch_up_;
  RingPlaces places_;
  HostedServer hosted_;
  FlushList answers_{Flush::kWithAnswers};
  FlushList events_{Flush::kWithEvents};
  std::vector<uint64_t> blocked_;    // clients that are behind until there is room in the stage
  ClientQueue unvalidated_;          // clients that may use an older catalog, limits or identity
  WorkBudget budget_{0};             // of the part of this turn that is under way
  bool event_under_way_ = false;     // the last event read is not dispatched in full
  EventPlace under_way_;             // its
  std::optional<EventRecord> held_;  // the last event read, which waits for the catalog
  bool rules_changed_ = false;       // some of `unvalidated_` have subscriptions by older rules
  bool more_ = false;                // there is work for another turn
  size_t held_turns_ = 0;            // since events were last flushed
  uint64_t read_us_ = 0;  // when the first of those was read that are not flushed; 0: none
  uint64_t last_id_ = 0;
  bool draining_ = false;
  bool drained_ = false;      // and the host was told
  uv_timer_t links_timer_{};  // until what hosts do not take is dropped
};

}  // namespace fsubs
