// Fills the worker's own ring from a bus, on a thread of its own: what the bus has to be parsed for
// delays neither the control thread nor a shard.
#pragma once

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "worker/base/task_queue.hpp"
#include "worker/bus/bus_counters.hpp"
#include "worker/bus/bus_reader.hpp"
#include "worker/bus/private_ring.hpp"
#include "worker/bus/replay_queue.hpp"

namespace fsubs {

class BusFeed final : private BusReader::Sink {
 public:
  // Called on the bus's thread.
  class Host {
   public:
    virtual ~Host() = default;
    // The newest snapshot of the catalog. The ring says that the catalog changed after this has
    // returned.
    virtual void OnBusCatalog(std::string snapshot_json) = 0;
    // The bus has ended.
    virtual void OnBusEnd() = 0;
  };

  // `ring` outlives the feed, which lives until the process ends once it is started.
  BusFeed(PrivateRing* ring, std::unique_ptr<BusReader> reader)
      : ring_(ring), reader_(std::move(reader)) {}
  // On a standby that has replayed its primary's WAL up to `*replayed_lsn`. `counters` is told how
  // many events wait for more of it. Both outlive the feed.
  BusFeed(PrivateRing* ring, std::unique_ptr<BusReader> reader,
          const std::atomic<uint64_t>* replayed_lsn, BusCounters* counters)
      : ring_(ring), reader_(std::move(reader)), replayed_lsn_(replayed_lsn), counters_(counters) {}
  BusFeed(const BusFeed&) = delete;
  BusFeed& operator=(const BusFeed&) = delete;

  // As BusReader::Open.
  std::string Open() { return reader_->Open(); }
  BusNeeds needs() const { return reader_->needs(); }
  // Read from now on. `host` outlives the feed. Call when the shards read the ring.
  void Start(Host* host);

  // Any thread.
  void ReplaceCatalog(std::string snapshot_json);
  // Any thread. On a standby, whether events wait until it has replayed their commits.
  void SetWaitsForReplay(bool waits);
  // Any thread. Read no more.
  void Stop();
  // Any thread.
  BusState state() const;

 private:
  void OnEvents(std::span<const BusEvent> events) override;
  void OnCatalog(std::string snapshot_json) override;
  void OnState(const BusState& state) override;
  void OnEnd() override { host_->OnBusEnd(); }
  uint64_t Room() const override;
  uint64_t LargestRecord() const override { return ring_->LargestRecord(); }

  void TakeCatalog(std::string snapshot_json);
  void Release();

  PrivateRing* const ring_;
  const std::unique_ptr<BusReader> reader_;
  const std::atomic<uint64_t>* const replayed_lsn_ = nullptr;  // null: it is no standby
  BusCounters* const counters_ = nullptr;
  bool waits_for_replay_ = true;
  ReplayQueue held_;
  uv_timer_t replay_timer_{};
  Host* host_ = nullptr;
  uv_loop_t loop_{};
  TaskQueue tasks_{"bus"};
  mutable std::mutex mutex_;
  BusState state_;  // guarded by mutex_
};

}  // namespace fsubs
