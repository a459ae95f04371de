// What a worker's bus counts and how it is doing, for /readyz, metrics and the log.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "worker/base/counter.hpp"
#include "worker/base/histogram.hpp"

namespace fsubs {

// Stored by the bus's thread alone, but for the clients' counts; loaded by any thread.
struct BusCounters {
  Counter connections;    // clients, as of late; stored by the control thread
  Counter subscriptions;  // likewise
  Counter connected;      // 1 while it works
  Counter connects;       // times that a connection was made
  Counter errors;         // times that one was lost or refused
  Counter appended;       // events that this worker has put into the bus
  Counter read;           // events that it has got from there
  Counter lost;           // events that did not get into the bus, or out of it
  Counter malformed;      // of these, those that were there but made no sense
  Counter behind;         // events that are known to be still to append, or to read
  Counter trims;          // times that events were dropped for their age
  Counter held;  // events that wait until this server, a standby, has replayed their commits
  Counter appended_bytes;  // that these took in the bus, and those that were read
  Counter read_bytes;
  // Of the last event of each batch, by the clocks of two machines.
  Histogram commit_to_append;
  Histogram append_to_read;

  // Of the last event, from its commit until it was in the bus, or read from there. -1: none yet.
  std::atomic<int64_t> delay_us{-1};

  // Any thread. Why events do not get where they should, on one line; empty: they do.
  std::string trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }
  void SetDelay(int64_t us) { delay_us.store(std::max<int64_t>(us, 0), std::memory_order_relaxed); }
  void SetTrouble(const std::string& trouble) {
    const std::lock_guard lock(mutex_);
    trouble_ = trouble;
  }

 private:
  mutable std::mutex mutex_;
  std::string trouble_;  // guarded by mutex_
};

}  // namespace fsubs
