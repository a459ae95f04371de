// Where events of a sequence number are in the ring, and the other way round.
//
// One shard's thread only.
#pragma once

#include <cstdint>
#include <optional>

#include "contract/ring_layout.hpp"
#include "contract/ring_reader.hpp"
#include "worker/client/client_host.hpp"

namespace fsubs {

class RingPlaces {
 public:
  // `ring` outlives it.
  explicit RingPlaces(const RingHeader* ring)
      : ring_(ring), counted_(ring), reader_(ring), found_(ring) {}

  // Of the last record before `position`, at which a record starts or will. `read`: a record not
  // behind it whose place is known, that of the shard's cursor.
  uint64_t SequenceBefore(Position position, const EventPlace& read);

  // As ClientHost::FindBehind.
  std::optional<ClientHost::Continuation> FindBehind(uint64_t sequence);

 private:
  const RingHeader* const ring_;
  RingReader counted_;  // where the last count ended: each record is counted about once
  RingReader reader_;
  RingReader found_;  // at what was found last: what clients resume from lies close together
};

}  // namespace fsubs
