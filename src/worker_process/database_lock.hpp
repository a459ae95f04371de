// Whether a command wants a database to itself: DROP DATABASE, ALTER DATABASE ... RENAME or SET
// TABLESPACE, CREATE DATABASE ... TEMPLATE. It locks the database, waits up to five seconds until
// nobody else is connected to it, and then fails.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Whether a transaction holds a lock on the database with which no new session could connect to it.
// Never waits, needs no transaction, and takes no room in the lock table, which any role can fill.
// Does not see a standby's replay of the command, which ends the sessions itself.
// REQUIRES: this process holds no such lock.
inline bool IsDatabaseLocked(Oid database) {
  LOCKTAG tag;
  SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, database, 0);
  int count;
  // With what a session takes while it connects.
  pfree(GetLockConflicts(&tag, RowExclusiveLock, &count));
  return count > 0;
}

}  // namespace fsubs
