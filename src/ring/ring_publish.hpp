// Moves one transaction's records to the event ring, after its commit, where nothing may fail.
#pragma once

#include "contract/ring_writer.hpp"
#include "src/base/pg_compat.hpp"

namespace fsubs {

// Append the records of a committed transaction, give back its reservation and wake the shards that
// sleep. `records` holds `bytes` bytes of records made by Encode, one behind the other. Cannot
// fail.
void PublishRecords(const char* records, size_t bytes, const CommitStamp& stamp);

}  // namespace fsubs
