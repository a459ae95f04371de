// Calling a function of the database's users for the worker.
//
// It runs as its owner, who gets none of an executor's rights by it.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

struct OwnedFunction {
  Oid oid;  // InvalidOid: there is none
  Oid owner;
};

// The function of that qualified name that takes `arguments` of jsonb and returns one. By name each
// time, so that it may be replaced. If it cannot be called, reports that at `elevel` with that
// hint.
OwnedFunction FindFunction(int elevel, const char* name, int arguments, const char* hint);

// What a member of a message says, which is JSON as a string; null if it is missing. Texts of
// clients travel like that, so that one which jsonb cannot hold fails its own call alone. The error
// shows nothing of it: what clients present themselves with has secrets in it, and it goes to the
// log.
NullableDatum JsonbOfMember(Jsonb* message, const char* name);

// Call it in the current transaction. Returns null if it does, or if it is strict and an argument
// is null. `claims`: the setting request.jwt.claims during the call; null: as it is.
Jsonb* CallAsOwner(const OwnedFunction& function, const NullableDatum* arguments, int count,
                   const char* claims = nullptr);

// Those of sessions outlive the transaction, whether it commits or not: call it behind each that
// called a function.
void ReleaseAdvisoryLocks();

}  // namespace fsubs
