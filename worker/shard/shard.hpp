// One shard: a thread with its own loop, listening socket, clients, plans and ring cursor. Shards
// share nothing that changes but their counters.
//
// A started shard lives until the process ends: a drained worker exits without taking its threads
// apart. Functions marked "any thread" may be called from any; everything else belongs to the
// shard's thread.
#pragma once

#include <uv.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "contract/ring_layout.hpp"
#include "contract/ring_reader.hpp"
#include "worker/base/counters.hpp"
#include "worker/base/options.hpp"
#include "worker/client/client.hpp"
#include "worker/event/dispatch.hpp"
#include "worker/operation/catalog.hpp"
#include "worker/operation/operation.hpp"
#include "worker/socket/outbox.hpp"
#include "worker/socket/socket_server.hpp"

namespace fsubs {

// What the shards need of the worker. All functions may be called from any thread.
class ShardHost {
 public:
  virtual ~ShardHost() = default;
  // The record at `position` says that the catalog changed: load it anew.
  virtual void OnCatalogChanged(Position position) = 0;
  // The shard has no client left after Drain.
  virtual void OnDrained() = 0;
  virtual HttpReply OnGet(std::string_view path) = 0;
};

class WsClient;

class Shard final : private SocketServerHost, private Dispatcher::Sink {
 public:
  struct Setup {
    size_t index = 0;
    ShardHost* host = nullptr;
    const RingHeader* ring = nullptr;
    ShardSlot* slot = nullptr;  // its own in the reader page
    int wake_fd = -1;
    ShardCounters* counters = nullptr;
    std::shared_ptr<const Options> options;
  };

  explicit Shard(const Setup& setup);

  // Listen and start the thread. Returns an empty string, or what went wrong.
  std::string Start();

  // Any thread.
  void SetOptions(std::shared_ptr<const Options> options);
  // `catalog` contains every change announced up to `covered`.
  void SetCatalog(std::shared_ptr<const Catalog> catalog, Position covered);
  void Drain();
  void Connections(std::function<void(std::string rows)> reply);
  void Subscriptions(std::function<void(std::string rows)> reply);

  // For its clients.
  const Options& options() const { return *options_; }
  ShardCounters* counters() { return counters_; }
  Dispatcher* dispatcher() { return &dispatcher_; }
  BufferPool* buffers() { return &buffers_; }
  JsonTree* scratch() { return &scratch_; }
  int64_t NowUs() const;
  PrepareResult Prepare(const OperationRequest& request);
  std::shared_ptr<const std::string> Intern(std::string_view text);
  void MarkDirty(Client* client) { dirty_.push_back(client); }
  void Remember(Client* client) { clients_[client->id()] = client; }
  void Forget(Client* client);
  // Whether its clients can be served: there is a catalog, room for them, and no drain.
  bool can_serve() const { return CanServe(clients_.size()); }
  HttpReply OnGet(const HttpRequest& request);

  // Read the ring up to its head. Returns false if a catalog change among it is not in force yet:
  // what depends on the catalog then waits (Defer).
  bool CatchUp();
  void Defer(Client* client, std::string_view message);

 private:
  unsigned OnUpgrade(std::string_view origin, std::string_view host) override;
  std::unique_ptr<WsPeer> OnOpen(WsSocket socket, std::string_view subprotocol) override;
  std::unique_ptr<HttpPeer> OnHttp(HttpSocket socket) override;
  size_t max_message_size() const override { return options_->max_message_size; }
  void Deliver(Member* member, std::string_view payload) override;

  bool CanServe(size_t clients) const;
  uint64_t NextId() { return ++last_id_ * kMaxShards + index_; }  // unique over all shards
  void Post(std::function<void()> task);
  void RunTasks();
  void ReadRing(size_t limit);
  void HandleRecord(const EventRecord& record, uint64_t lost);
  void BeforeWaiting();
  void HandleDeferred();
  void CloseLateInitialisers();
  void CheckKeepalive();
  void StartKeepaliveTimer();
  void CheckDrained();
  bool catalog_is_current() const { return covered_ >= changed_; }

  const size_t index_;
  ShardHost* const host_;
  const RingHeader* const ring_;
  ShardSlot* const slot_;
  const int wake_fd_;
  ShardCounters* const counters_;
  std::shared_ptr<const Options> options_;
  std::shared_ptr<const Catalog> catalog_;  // null until the first snapshot

  uv_loop_t loop_{};
  uv_async_t tasks_ready_{};
  uv_poll_t wake_{};
  uv_idle_t more_{};        // active while the ring holds more than one turn reads
  uv_prepare_t waiting_{};  // once per turn, before the loop waits
  uv_timer_t init_timer_{};
  uv_timer_t keepalive_timer_{};
  uv_timer_t deferred_timer_{};

  std::mutex tasks_mutex_;
  std::vector<std::function<void()>> tasks_;  // guarded by tasks_mutex_

  std::unique_ptr<SocketServer> server_;
  RingReader reader_;
  PlanCache plans_;
  Dispatcher dispatcher_;
  BufferPool buffers_;
  JsonTree scratch_;
  std::string position_;
  std::unordered_map<uint64_t, Client*> clients_;
  std::unordered_map<std::string_view, std::weak_ptr<const std::string>> interned_;
  std::vector<Client*> dirty_;
  std::deque<std::pair<uint64_t, uint64_t>> uninitialised_;  // time in ms and id, the oldest first
  std::unordered_map<uint64_t, WsClient*> initialising_;     // those of uninitialised_ that live
  struct Deferred {
    uint64_t client;
    std::string message;
  };
  std::vector<Deferred> deferred_;
  uint64_t last_id_ = 0;
  Position changed_ = 0;  // of the last catalog change read
  Position covered_ = 0;  // changes up to here are in catalog_
  size_t keepalive_slice_ = 0;
  bool draining_ = false;
};

}  // namespace fsubs
