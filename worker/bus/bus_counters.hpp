// What a worker's bus counts and how it is doing, for /readyz, metrics and the log.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "worker/base/counters.hpp"

namespace fsubs {

// Stored by the bus's thread alone, but for `connections`; loaded by any thread.
struct BusCounters {
  Counter connections;  // clients, as of late; stored by the control thread
  Counter connected;    // 1 while it works
  Counter connects;     // times that a connection was made
  Counter errors;       // times that one was lost or refused
  Counter appended;     // events that this worker has put into the bus
  Counter read;         // events that it has got from there
  Counter lost;         // events that did not get into the bus, or out of it
  Counter malformed;    // of these, those that were there but made no sense
  Counter behind;       // events that are known to be still to append, or to read
  Counter trims;        // times that events were dropped for their age
  // Sums of microseconds, each of the clocks of the two machines, and how often they were taken.
  Counter commit_to_append_us;
  Counter commit_to_append_count;
  Counter append_to_read_us;
  Counter append_to_read_count;
  Counter held;  // events that wait until this server, a standby, has replayed their commits

  // Any thread. Why events do not get where they should, on one line; empty: they do.
  std::string trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }
  void SetTrouble(const std::string& trouble) {
    const std::lock_guard lock(mutex_);
    trouble_ = trouble;
  }

 private:
  mutable std::mutex mutex_;
  std::string trouble_;  // guarded by mutex_
};

}  // namespace fsubs
