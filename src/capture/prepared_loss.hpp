// The losses of prepared transactions.
//
// A prepared transaction is committed later, by any session, after a restart, or by replication,
// and nothing of this library runs then. So its events go nowhere. PREPARE TRANSACTION leaves a row
// for each channel in a table, as part of the transaction: it becomes visible when that is
// committed, and the executor tells the subscribers.
#pragma once

#include "src/capture/loss_table.hpp"
#include "src/capture/record_store.hpp"

namespace fsubs {

// Count the events of `store` among the losses, and write them to the table, whatever role and
// settings the session has. Does nothing more if there is no such table. Call at PRE_PREPARE.
void StorePreparedLoss(const RecordStore& store, LossTable* losses);

// Take the losses of committed transactions out of the table and queue them. Waits for nobody: what
// somebody has locked stays for the next call. Call in a transaction, which may be read-only.
void QueuePreparedLosses();

}  // namespace fsubs
