// Every setting `fraiseql_subs.*`, with its unit, range, context and check.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs::settings {

enum Overflow : int { kOverwrite, kError, kWait };

// Set by the server; read-only elsewhere.
extern char* database;
extern int ring_size_kb;
extern int overflow;  // an Overflow
extern int overflow_timeout_ms;
extern int max_event_size_bytes;
extern int max_transaction_size_kb;
extern int worker_threads;
extern char* listen_address;
extern int port;
extern bool allow_anonymous;
extern char* allowed_origins;
extern bool introspection;
extern bool playground;
extern int init_timeout_ms;
extern int keepalive_interval_ms;
extern int max_message_size_bytes;
extern int max_connections;
extern int max_subscriptions_per_connection;
extern int outbox_size_kb;
extern int max_query_tokens;
extern int max_query_depth;
extern int max_query_size_bytes;
extern int max_query_aliases;
extern int max_query_selections;
extern int drain_timeout_ms;
extern int log_level;  // as PostgreSQL's: DEBUG1, LOG, WARNING, ERROR

// Define the settings. Call once, from _PG_init in the postmaster.
void Define();

// Append to `out` what the worker must know of the settings, one `name = value` line each: sizes in
// bytes, times in milliseconds, booleans as true and false.
void WriteWorkerConfig(StringInfo out);

}  // namespace fsubs::settings
