// Whether a command wants a database to itself: DROP DATABASE, ALTER DATABASE ... RENAME or SET
// TABLESPACE, CREATE DATABASE ... TEMPLATE. It locks the database, waits up to five seconds until
// nobody else is connected to it, and then fails.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Whether a session holds or waits for a lock on the database with which no new session could
// connect to it. Never waits, and needs no transaction.
inline bool IsDatabaseLocked(Oid database) {
  constexpr bool kOfSession = true;
  constexpr bool kDontWait = true;
  LOCKTAG tag;
  SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, database, 0);
  // What a session takes while it connects.
  if (LockAcquire(&tag, RowExclusiveLock, kOfSession, kDontWait) == LOCKACQUIRE_NOT_AVAIL) {
    return true;
  }
  LockRelease(&tag, RowExclusiveLock, kOfSession);
  return false;
}

}  // namespace fsubs
