// Builds the parts of the worker and joins them: shards, the side door, signals, drain.
//
// Its functions run on the control thread unless they say otherwise.
#pragma once

#include <uv.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/authenticate_queue.hpp"
#include "worker/base/audit_log.hpp"
#include "worker/base/clock.hpp"
#include "worker/base/counters.hpp"
#include "worker/base/heartbeat.hpp"
#include "worker/base/options.hpp"
#include "worker/base/task_queue.hpp"
#include "worker/base/wait_timer.hpp"
#include "worker/bus/bus_counters.hpp"
#include "worker/bus/bus_feed.hpp"
#include "worker/bus/event_ring.hpp"
#include "worker/bus_publishing.hpp"
#include "worker/catalog_loader.hpp"
#include "worker/denied_events.hpp"
#include "worker/health.hpp"
#include "worker/hosted/session_links.hpp"
#include "worker/kept_snapshot.hpp"
#include "worker/key_fetch/key_service.hpp"
#include "worker/limits/limit_table.hpp"
#include "worker/metrics.hpp"
#include "worker/operation/catalog.hpp"
#include "worker/resolve/resolve_queue.hpp"
#include "worker/service_manager.hpp"
#include "worker/shard/shard.hpp"
#include "worker/shard_requests.hpp"
#include "worker/side_door_server.hpp"
#include "worker/socket/peer_limits.hpp"
#include "worker/socket/tls_context.hpp"
#include "worker/socket/unix_listener.hpp"

namespace fsubs {

// What is there before there is a worker.
struct WorkerParts {
  std::unique_ptr<EventRing> ring;  // that is served; there are as many shards as it wakes
  // Of a node without a database, and of a standby: what fills that ring. Null: PostgreSQL's
  // backends do.
  std::unique_ptr<BusFeed> feed;
  // Of a standby with a feed: PostgreSQL's own ring. Null otherwise.
  std::unique_ptr<EventRing> server_ring;
  PassedSockets sockets;
  FetcherProcess fetcher;
  KeptProcess dialer;  // with a bus by TCP
  std::unique_ptr<BusCounters> bus = std::make_unique<BusCounters>();
};

class Worker final : private ShardHost,
                     private SideDoorHost,
                     private KeyService::Host,
                     private CatalogLoader::Host,
                     private BusFeed::Host {
 public:
  // `argc` and `argv` are read again on SIGHUP.
  Worker(int argc, char** argv, const Options& options, WorkerParts parts);

  // Serve until SIGTERM has been obeyed. Returns the process's exit code; the process then ends
  // without destroying the worker, whose shards still run.
  int Run();

 private:
  // ShardHost, any thread.
  void OnCatalogChanged(Position position) override;
  std::shared_ptr<const KeySet> FindKeys(const std::string& url) override;
  void RefreshKeys(const std::string& url, size_t shard) override;
  void CallAuthenticate(AuthenticateCall call,
                        std::function<void(AuthenticateAnswer)> reply) override;
  void CallResolvers(ResolveOrder order) override;
  void OnDrained() override;
  void OnLinkReport(LinkId link, LinkReport report) override;
  HttpReply OnGet(std::string_view path) override;
  void OnPublished() override { publishing_.NotePublished(); }

  // SideDoorHost.
  void OnSnapshot(side_door::SnapshotRequest request, std::string_view snapshot_json) override {
    // A standby has the catalog from where it has the events, and in their order.
    if (!feed_) loader_.OnSnapshot(request, snapshot_json);
  }
  void OnSnapshotError(std::string_view message) override;
  void OnAuthenticator() override { logins_.OnProcess(); }
  void OnAuthenticatorGone() override { logins_.OnProcessGone(); }
  void OnAuthenticated(uint64_t number, std::string_view claims, std::string_view error) override;
  uint64_t OnResolver(bool is_executor, SendToResolver send) override;
  bool OnResolverMessage(uint64_t resolver, const JsonValue& message) override;
  void OnResolverLeaves(uint64_t resolver) override { resolvers_.Leave(resolver); }
  void OnResolverGone(uint64_t resolver) override;
  bool OnRequest(std::string_view op, const std::optional<JsonValue>& arguments,
                 Reply reply) override;
  std::unique_ptr<DoorUser> OnDoor(std::string_view op, Door* door, Answer* answer) override;

  // KeyService::Host.
  void OnKeysTried(const std::string& url, KeysTried outcome) override;

  // CatalogLoader::Host.
  void AskForSnapshot(side_door::SnapshotRequest request) override;
  void OnRead(const std::string& snapshot_json, Position covers) override;
  void OnLoaded(const std::shared_ptr<const Catalog>& catalog, const std::string& error,
                Position covers) override;

  // BusFeed::Host, the bus's thread.
  void OnBusCatalog(std::string snapshot_json) override;
  void OnBusEnd() override;

  std::string Start();
  std::string OpenSideDoor();
  void RequestFirstCatalog();
  void FeedWatchdog();
  void ReloadCatalogFile(const Options& options);
  std::string Listen();
  void TellNodes(Reply reply);
  void WarnOfFiles(const Options& options) const;
  void AdoptInTurn(int fd);
  void LookForDatabase();
  void NoteUnusable();
  void Reload();
  void ReloadSettings();
  void StartDrain();
  void QueueLogin(AuthenticateCall call, uint64_t asked_ms,
                  std::function<void(AuthenticateAnswer)> reply);
  // Where the launcher tells of the server, and looks for heartbeats. Of a node without a database
  // both are its own.
  const EventRing& server() const { return server_ring_ ? *server_ring_ : *ring_; }
  // Any thread.
  ShardsSeen Shards() const;
  std::string BusRemark() const;
  std::string Trouble() const;
  WorkerGauges Gauges() const;

  const int argc_;
  char** const argv_;
  std::shared_ptr<const Options> options_;
  std::shared_ptr<const TlsContext> tls_;  // null: without TLS
  const std::string database_;             // empty on a node without one
  const Bus bus_kind_;                     // a restart alone changes it
  const std::unique_ptr<EventRing> ring_;
  const std::unique_ptr<EventRing> server_ring_;  // null, unless a standby is served from a bus
  const std::unique_ptr<BusFeed> feed_;           // null: PostgreSQL's backends fill the ring
  const PassedSockets sockets_;
  const ServiceManager manager_;
  std::vector<ShardCounters> counters_;
  PeerCounts peers_;
  const std::unique_ptr<BusCounters> bus_;
  BusPublishing publishing_;
  AuditLog audit_;
  DeniedEvents denied_;
  LimitTable limits_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<UnixListener> unix_listener_;
  size_t next_adopting_ = 0;  // of the shards
  SessionLinks links_;
  std::unique_ptr<SideDoorServer> side_door_;  // null on a node without a database
  CatalogLoader loader_{this};
  KeptSnapshot snapshot_{&loader_};  // where there is a feed: what it has brought
  KeyService keys_;
  AuthenticateQueue logins_;
  WaitTimer logins_timer_;
  ResolveQueue resolvers_;
  WaitTimer calls_timer_;  // of resolvers
  std::optional<Heartbeat> heartbeat_;

  uv_loop_t loop_{};
  uv_signal_t terminate_{};
  uv_signal_t interrupt_{};
  uv_signal_t hangup_{};
  uv_timer_t drain_timer_{};
  uv_timer_t retry_timer_{};
  uv_timer_t database_timer_{};
  uv_timer_t sending_timer_{};
  uv_timer_t watchdog_timer_{};
  TaskQueue tasks_{"control thread"};
  ShardRequests shard_requests_{&loop_, &tasks_, &shards_};

  size_t drained_ = 0;  // shards, and the bus
  size_t files_ = 0;    // that may be open

  std::atomic<CatalogState> catalog_{CatalogState::kUnread};
  std::atomic<bool> draining_{false};
  std::atomic<uint64_t> catalog_loads_{0};
  std::atomic<uint64_t> resolver_links_{0};
  const int64_t started_us_ = NowUs();
};

}  // namespace fsubs
