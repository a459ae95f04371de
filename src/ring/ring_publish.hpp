// Moves one transaction's records to the event ring. Room is reserved before the commit, where it
// may fail. Records are written after the commit, where nothing may fail.
#pragma once

#include "contract/ring_writer.hpp"
#include "src/base/pg_compat.hpp"

namespace fsubs {

// Reserve `bytes` of the ring if fraiseql_subs.overflow keeps unread events, waiting or raising an
// error as it says. Call at PRE_COMMIT, at most once per transaction.
void ReserveRoom(uint64_t bytes);

// Give back what this transaction reserved, if anything. Cannot fail.
void ReleaseRoom();

// Append the records of a committed transaction, give back its reservation and wake the shards that
// sleep. `records` holds `bytes` bytes of records made by Encode, one behind the other. Cannot
// fail.
void PublishRecords(const char* records, size_t bytes, const CommitStamp& stamp);

}  // namespace fsubs
