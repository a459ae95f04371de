// The records of this backend's transaction, from publish to commit. Rolling back, to a savepoint
// too, drops what was queued since; PREPARE TRANSACTION is refused while anything is queued.
#pragma once

#include "contract/event_record.hpp"
#include "src/base/pg_compat.hpp"

namespace fsubs {

// Queue an event. `event` holds texts in the server's encoding; the queue converts and copies them.
// Raises an error if the event is larger or its data deeper than the limits, if a name is too long,
// if the transaction's queue is full, or in a parallel worker. REQUIRES: RequireServing succeeded.
void QueueEvent(const EventRecord& event);

// Queue a notice that the catalog changed, once per transaction. REQUIRES: RequireServing
// succeeded.
void QueueCatalogChanged();

}  // namespace fsubs
