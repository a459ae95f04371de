// Moves one transaction's records to the event ring, after its commit, where nothing may fail.
#pragma once

#include "contract/ring_writer.hpp"
#include "src/base/pg_compat.hpp"

namespace fsubs {

// The records of a committed transaction, in their order.
class RecordSource {
 public:
  // The next record, made by Encode and valid until the next call; null after the last. Called with
  // the ring's lock held. Raises no error.
  virtual const char* Next() = 0;

 protected:
  ~RecordSource() = default;
};

// Append the records of a committed transaction, give back its reservation and wake the shards that
// sleep. The records of `source` follow those that are skipped and take `bytes` bytes or less,
// which fit in the ring. Cannot fail.
void PublishRecords(const SkippedRecords& skipped, uint64_t bytes, RecordSource* source,
                    const CommitStamp& stamp);

}  // namespace fsubs
