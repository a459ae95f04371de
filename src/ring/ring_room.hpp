// Room in the event ring for a transaction that commits and whose fraiseql_subs.overflow keeps
// unread events: it is reserved before the commit, where failing is allowed.
//
// Transactions get room in the order in which they asked for it. One that asks for much waits until
// so much was read, and those behind it wait too: if they took what there is, it might never be
// enough. It keeps them waiting no longer than its fraiseql_subs.overflow_timeout.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Bytes of shared memory for the queue of those that wait. REQUIRES: MaxBackends is final.
size_t RoomQueueSize();

// Use `memory`, of RoomQueueSize() bytes, for the queue, and empty it.
void InitRoomQueue(void* memory);

// Reserve `bytes` of the ring if fraiseql_subs.overflow keeps unread events, waiting or raising an
// error as it says. Call at PRE_COMMIT, at most once per transaction.
void ReserveRoom(uint64_t bytes);

// Give back what this transaction reserved, and leave the queue. Does nothing if there is nothing
// to do. Cannot fail.
void ReleaseRoom();

// The same for a transaction whose records are in the ring. REQUIRES: the ring's lock is held.
void SettleRoom();

}  // namespace fsubs
