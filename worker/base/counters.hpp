// What one shard counts. Stored by the shard's thread alone, loaded by any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace fsubs {

// An atomic that one thread changes: no read-modify-write instruction is needed.
class Counter {
 public:
  void Add(uint64_t by = 1) { value_.store(get() + by, std::memory_order_relaxed); }
  void Subtract(uint64_t by = 1) { value_.store(get() - by, std::memory_order_relaxed); }
  void Set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

struct alignas(64) ShardCounters {
  // Now.
  Counter connections;
  Counter subscriptions;
  Counter plans;
  Counter memory;       // bytes, for what clients subscribed to
  Counter memory_peak;  // since memory was last given back to the system

  // Since the worker started.
  Counter connections_accepted;
  Counter connections_refused;
  Counter connections_refused_by_address;  // closed at once: the address has as many as it may
  Counter tls_handshakes_failed;
  Counter messages_received;
  Counter events_read;
  Counter events_lost;       // in the ring, before this shard read them
  Counter events_malformed;  // data that is not JSON this worker accepts
  Counter events_matched;    // at least one subscription wanted it
  Counter payloads_encoded;
  Counter messages_sent;
  Counter bytes_sent;
  Counter subscribe_errors;
  Counter fallen_behind;  // a client's socket took no more: its events wait in the ring
  Counter slow_consumers;
  Counter keepalive_timeouts;
  Counter init_timeouts;

  void AddMemory(uint64_t bytes) {
    memory.Add(bytes);
    if (memory.get() > memory_peak.get()) memory_peak.Set(memory.get());
  }
};

}  // namespace fsubs
