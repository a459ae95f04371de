// PostgreSQL's headers, and what differs between its major versions. Every file of src/ includes it
// first; nothing outside src/ may.
//
// PostgreSQL's macros (ERROR, LOG, Min, Max, printf, _) are in force after it, so the standard
// library comes before them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Empty in PostgreSQL 15 unless defined; later versions define it like this.
#define PGDLLEXPORT __attribute__((visibility("default")))

extern "C" {
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_database.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "common/shortest_dec.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "libpq/pqsignal.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_func.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/bgworker_internals.h"
#include "postmaster/interrupt.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "storage/shmem.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/arrayaccess.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/datetime.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/jsonfuncs.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ps_status.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/varlena.h"
#if PG_VERSION_NUM >= 170000
#include "utils/wait_event.h"
#endif

// What it includes of libraries need not be installed. Of a connection only the socket, which comes
// first, is looked at.
#pragma push_macro("ENABLE_GSS")
#pragma push_macro("USE_OPENSSL")
#undef ENABLE_GSS
#undef USE_OPENSSL
#include "libpq/libpq-be.h"
#pragma pop_macro("USE_OPENSSL")
#pragma pop_macro("ENABLE_GSS")

// In "utils/pg_locale.h", which from PostgreSQL 17 on includes headers of ICU.
extern PGDLLIMPORT char* locale_monetary;
}

#if PG_VERSION_NUM < 150000
#error "fraiseql_subs needs PostgreSQL 15 or later"
#endif

// Head of a function that SQL can call.
#define FSUBS_FUNCTION(name)                \
  extern "C" {                              \
  PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
  PG_FUNCTION_INFO_V1(name);                \
  }                                         \
  Datum name([[maybe_unused]] PG_FUNCTION_ARGS)

namespace fsubs {

// Whether the user owns a relation, or may do what its owner may.
inline bool IsOwnerOfRelation(Oid relid) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(RelationRelationId, relid, GetUserId());
#else
  return pg_class_ownercheck(relid, GetUserId());
#endif
}

// A lexer of JSON in the database's encoding, in the current memory context. `need_escapes` has it
// decode escapes, and refuse those that stand for no character.
inline JsonLexContext* MakeJsonLexer(const char* json, size_t size, bool need_escapes) {
  const int length = static_cast<int>(size);
#if PG_VERSION_NUM >= 170000
  return makeJsonLexContextCstringLen(nullptr, json, length, GetDatabaseEncoding(), need_escapes);
#else
  return makeJsonLexContextCstringLen(const_cast<char*>(json), length, GetDatabaseEncoding(),
                                      need_escapes);
#endif
}

// The socket of this backend's client; PGINVALID_SOCKET: it has none. It is the first member of
// Port in every version; the header that says so needs those of GSSAPI.
inline pgsocket ClientSocket() {
  return MyProcPort == nullptr ? PGINVALID_SOCKET : *reinterpret_cast<const pgsocket*>(MyProcPort);
}

// The entry of that number, from 1 on, of what pgstat_fetch_stat_numbackends() has counted.
inline const PgBackendStatus& BackendStatus(int number) {
#if PG_VERSION_NUM >= 160000
  return pgstat_get_local_beentry_by_index(number)->backendStatus;
#else
  return pgstat_fetch_stat_local_beentry(number)->backendStatus;
#endif
}

// PostgreSQL counts time from 2000-01-01, the rest of the product from 1970-01-01.
inline int64_t ToUnixMicroseconds(TimestampTz time) {
  return time + int64_t{POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE} * USECS_PER_DAY;
}

}  // namespace fsubs
