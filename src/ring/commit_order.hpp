// Keeps events about one row in the order of the transactions that wrote it.
//
// A transaction's rows become visible shortly before its records reach the ring: PostgreSQL calls
// back after it has taken the transaction out of the list of running ones. In that gap another
// backend can see the rows, change them, commit, and be first in the ring. So every publishing
// transaction shows its xid in a slot from before its commit until its records are in the ring. And
// before it commits, it waits for the slots whose transaction is no longer running: what it may
// have seen is then in the ring before its own records.
//
// The transaction that it waits for is past its own wait, and past everything in its commit that
// can block except the ring's lock. Nobody holds that lock while waiting here, so there is no
// cycle. The wait takes microseconds.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Bytes of shared memory for one slot per backend. REQUIRES: MaxBackends is final.
size_t CommitOrderSize();

// Use `memory`, of CommitOrderSize() bytes, for the slots, and empty them.
void InitCommitOrder(void* memory);

// Wait for the transactions before this one, then show its xid, if it has one. May raise an error
// when interrupted. Call at PRE_COMMIT.
void EnterCommitOrder();

// Empty this backend's slot. Does nothing if it is empty. Cannot fail.
void LeaveCommitOrder();

}  // namespace fsubs
