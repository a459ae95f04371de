// Fills the worker's own ring from a bus, on a thread of its own: what the bus has to be parsed for
// delays neither the control thread nor a shard.
#pragma once

#include <uv.h>

#include <memory>
#include <mutex>
#include <string>

#include "worker/base/task_queue.hpp"
#include "worker/bus/bus_reader.hpp"
#include "worker/bus/private_ring.hpp"

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
  BusFeed(const BusFeed&) = delete;
  BusFeed& operator=(const BusFeed&) = delete;

  // As BusReader::Open.
  std::string Open() { return reader_->Open(); }
  // Read from now on. `host` outlives the feed. Call when the shards read the ring.
  void Start(Host* host);

  // Any thread.
  void ReplaceCatalog(std::string snapshot_json);
  // Any thread. Read no more.
  void Stop();
  // Any thread.
  BusState state() const;

 private:
  void OnEvents(std::span<const BusEvent> events) override { ring_->Append(events); }
  void OnCatalog(std::string snapshot_json) override;
  void OnState(const BusState& state) override;
  void OnEnd() override { host_->OnBusEnd(); }
  uint64_t Room() const override { return ring_->UnreadRoom(); }
  uint64_t LargestRecord() const override { return ring_->LargestRecord(); }

  PrivateRing* const ring_;
  const std::unique_ptr<BusReader> reader_;
  Host* host_ = nullptr;
  uv_loop_t loop_{};
  TaskQueue tasks_{"bus"};
  mutable std::mutex mutex_;
  BusState state_;  // guarded by mutex_
};

}  // namespace fsubs
