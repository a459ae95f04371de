// The records of this backend's transaction, from publish to commit. Rolling back, to a savepoint
// too, drops what was queued since. So does PREPARE TRANSACTION: subscribers are told once the
// prepared transaction is committed (prepared_loss.hpp).
#pragma once

#include "contract/event_record.hpp"
#include "src/base/pg_compat.hpp"
#include "src/capture/version_change.hpp"

namespace fsubs {

// Queue an event. `event` holds texts in the server's encoding; the queue converts and copies them.
// Raises an error if the event is larger or its data deeper than the limits, if a name is too long,
// if the transaction's queue takes no more, or in a parallel worker. REQUIRES: RequireServing
// succeeded.
void QueueEvent(const EventRecord& event);

// Queue the event of a row change. `event` is in UTF-8 and within the limits. Changes of one
// command stay together, in front of what its AFTER triggers do. Returns false if the queue takes
// no more: it is full, or memory or disk are. REQUIRES: IsServing.
[[nodiscard]] bool TryQueueChange(const EventRecord& event, const VersionChange& change);

// Note a row change of which no event is queued: what its command's AFTER triggers do comes behind
// the command's events all the same. REQUIRES: IsServing.
void NoteChange(const VersionChange& change);

// Note that `count` events of a channel, in UTF-8, are lost: its subscribers are told at commit, or
// those of all channels if the channel is empty. Room for that is always there. REQUIRES:
// IsServing.
void QueueLoss(std::string_view channel, uint64_t count = 1);

// Queue a notice that the catalog changed, once per transaction. REQUIRES: IsServing.
void QueueCatalogChanged();

}  // namespace fsubs
