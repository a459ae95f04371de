#include "src/base/guc.hpp"

#include <arpa/inet.h>

#include "contract/ring_layout.hpp"

namespace fsubs::settings {

char* database;
int ring_size_kb;
int overflow;
int overflow_timeout_ms;
int max_event_size_bytes;
int max_transaction_size_kb;
int worker_threads;
char* listen_address;
int port;
bool allow_anonymous;
char* allowed_origins;
bool introspection;
bool playground;
int init_timeout_ms;
int keepalive_interval_ms;
int max_message_size_bytes;
int max_connections;
int max_subscriptions_per_connection;
int outbox_size_kb;
int max_query_tokens;
int max_query_depth;
int max_query_size_bytes;
int max_query_aliases;
int max_query_selections;
int drain_timeout_ms;
int log_level;

namespace {

constexpr int kKilobyte = 1024;
constexpr int kSecond = 1000;
constexpr int kHour = 60 * 60 * kSecond;

bool CheckDatabase(char** value, void**, GucSource) {
  if (**value == '\0') {
    GUC_check_errdetail("The name of a database cannot be empty.");
    return false;
  }
  if (strlen(*value) >= NAMEDATALEN) {
    GUC_check_errdetail("The name of a database is shorter than %d bytes.", NAMEDATALEN);
    return false;
  }
  return true;
}

bool CheckListenAddress(char** value, void**, GucSource) {
  in6_addr address;
  if (inet_pton(AF_INET, *value, &address) == 1 || inet_pton(AF_INET6, *value, &address) == 1) {
    return true;
  }
  GUC_check_errdetail(
      "It must be one numeric IP address, such as \"127.0.0.1\", \"0.0.0.0\" or \"::\".");
  return false;
}

// Origins as browsers send them (RFC 6454, section 6.2), or "*".
bool CheckAllowedOrigins(char** value, void**, GucSource) {
  for (const char* at = *value; *at != '\0'; ++at) {
    if (*at >= ' ' && *at < 0x7f && *at != '"' && *at != '\\') continue;
    GUC_check_errdetail(
        "It must be \"*\" or origins separated by commas, such as \"https://app.example.com\".");
    return false;
  }
  return true;
}

bool CheckKeepaliveInterval(int* value, void**, GucSource) {
  constexpr int kShortest = 100;
  if (*value == 0 || *value >= kShortest) return true;
  GUC_check_errdetail("It must be 0, which turns keep-alive off, or at least %d ms.", kShortest);
  return false;
}

constexpr config_enum_entry kOverflowOptions[] = {
    {"overwrite", kOverwrite, false},
    {"error", kError, false},
    {"wait", kWait, false},
    {nullptr, 0, false},
};

constexpr config_enum_entry kLogLevelOptions[] = {
    {"debug", DEBUG1, false},    {"log", LOG, false},     {"info", LOG, true},
    {"warning", WARNING, false}, {"error", ERROR, false}, {nullptr, 0, false},
};

// Whether the worker reads a setting, and how the server's unit becomes the worker's.
enum WorkerScale : int { kNotForWorker = 0, kAsIs = 1, kFromKilobytes = kKilobyte };

struct IntSetting {
  const char* name;
  const char* description;
  int* variable;
  int boot;
  int min;
  int max;
  GucContext context;
  int flags;
  WorkerScale worker_scale;
  GucIntCheckHook check = nullptr;
};

constexpr IntSetting kIntSettings[] = {
    {"fraiseql_subs.ring_size",
     "Memory for events on their way to the worker and for the history clients can resume from.",
     &ring_size_kb, 64 * kKilobyte, kKilobyte, 1 << 30, PGC_POSTMASTER, GUC_UNIT_KB, kNotForWorker},
    {"fraiseql_subs.overflow_timeout",
     "Longest time a commit waits for room in the ring when overflow is \"wait\".",
     &overflow_timeout_ms, kSecond, 1, kHour, PGC_SUSET, GUC_UNIT_MS, kNotForWorker},
    {"fraiseql_subs.max_event_size", "Largest event that can be published.", &max_event_size_bytes,
     kKilobyte* kKilobyte, kKilobyte, 256 * kKilobyte* kKilobyte, PGC_SUSET, GUC_UNIT_BYTE,
     kNotForWorker},
    {"fraiseql_subs.max_transaction_size",
     "Most memory for the events of one transaction that has not committed yet.",
     &max_transaction_size_kb, 256 * kKilobyte, kKilobyte, 1 << 30, PGC_SUSET, GUC_UNIT_KB,
     kNotForWorker},
    {"fraiseql_subs.worker_threads",
     "Threads of the worker; each serves its own share of the clients.", &worker_threads, 1, 1,
     static_cast<int>(kMaxShards), PGC_POSTMASTER, 0, kNotForWorker},
    {"fraiseql_subs.port", "TCP port that clients connect to.", &port, 4000, 1, 65535,
     PGC_POSTMASTER, 0, kAsIs},
    {"fraiseql_subs.init_timeout", "Time a client has to send connection_init.", &init_timeout_ms,
     3 * kSecond, 10, kHour, PGC_SIGHUP, GUC_UNIT_MS, kAsIs},
    {"fraiseql_subs.keepalive_interval",
     "Silence after which a client is pinged, and after as much again disconnected; 0 turns it "
     "off.",
     &keepalive_interval_ms, 12 * kSecond, 0, kHour, PGC_SIGHUP, GUC_UNIT_MS, kAsIs,
     CheckKeepaliveInterval},
    {"fraiseql_subs.max_message_size", "Largest message accepted from a client.",
     &max_message_size_bytes, 64 * kKilobyte, kKilobyte, 16 * kKilobyte* kKilobyte, PGC_SIGHUP,
     GUC_UNIT_BYTE, kAsIs},
    {"fraiseql_subs.max_connections", "Most clients connected to the worker at a time.",
     &max_connections, 20000, 1, 1000000, PGC_SIGHUP, 0, kAsIs},
    {"fraiseql_subs.max_subscriptions_per_connection",
     "Most subscriptions one client connection may have at a time.",
     &max_subscriptions_per_connection, 100, 1, 100000, PGC_SIGHUP, 0, kAsIs},
    {"fraiseql_subs.outbox_size",
     "Most unsent bytes kept for one client; a client further behind is disconnected.",
     &outbox_size_kb, kKilobyte, 16, kKilobyte* kKilobyte, PGC_SIGHUP, GUC_UNIT_KB, kFromKilobytes},
    {"fraiseql_subs.max_query_tokens", "Most tokens in a client's GraphQL document.",
     &max_query_tokens, 2000, 10, 1000000, PGC_SIGHUP, 0, kAsIs},
    {"fraiseql_subs.max_query_depth", "Deepest nesting of a client's GraphQL document.",
     &max_query_depth, 20, 1, 200, PGC_SIGHUP, 0, kAsIs},
    {"fraiseql_subs.max_query_size", "Largest GraphQL document accepted from a client.",
     &max_query_size_bytes, 32 * kKilobyte, 256, 16 * kKilobyte* kKilobyte, PGC_SIGHUP,
     GUC_UNIT_BYTE, kAsIs},
    {"fraiseql_subs.max_query_aliases",
     "Most aliases in a client's GraphQL document, fragments expanded.", &max_query_aliases, 100, 0,
     1000000, PGC_SIGHUP, 0, kAsIs},
    {"fraiseql_subs.max_query_selections",
     "Most fields selected by a client's GraphQL document, fragments expanded.",
     &max_query_selections, 5000, 1, 20000, PGC_SIGHUP, 0, kAsIs},
    {"fraiseql_subs.drain_timeout",
     "Time the worker has to complete subscriptions and close connections when it is stopped.",
     &drain_timeout_ms, 5 * kSecond, 0, 600 * kSecond, PGC_SIGHUP, GUC_UNIT_MS, kAsIs},
};

struct BoolSetting {
  const char* name;
  const char* description;
  bool* variable;
  bool boot;
};

// All are read again on reload and are the worker's.
constexpr BoolSetting kBoolSettings[] = {
    {"fraiseql_subs.allow_anonymous", "Accept clients that present no credentials.",
     &allow_anonymous, false},
    {"fraiseql_subs.introspection", "Let clients ask for the schema.", &introspection, true},
    {"fraiseql_subs.playground", "Serve a page at \"/\" for trying subscriptions in a browser.",
     &playground, false},
};

const char* LogLevelName(int level) {
  for (const config_enum_entry& option : kLogLevelOptions) {
    if (option.name != nullptr && option.val == level) return option.name;
  }
  return "log";
}

}  // namespace

void Define() {
  DefineCustomStringVariable(
      "fraiseql_subs.database", "Database whose extension fraiseql_subs is served.", nullptr,
      &database, "postgres", PGC_POSTMASTER, 0, CheckDatabase, nullptr, nullptr);
  DefineCustomStringVariable("fraiseql_subs.listen_address",
                             "IP address that the worker listens on.", nullptr, &listen_address,
                             "127.0.0.1", PGC_POSTMASTER, 0, CheckListenAddress, nullptr, nullptr);
  DefineCustomStringVariable(
      "fraiseql_subs.allowed_origins",
      "Origins of web pages that may connect, separated by commas; \"*\" for any.", nullptr,
      &allowed_origins, "*", PGC_SIGHUP, 0, CheckAllowedOrigins, nullptr, nullptr);
  for (const BoolSetting& setting : kBoolSettings) {
    DefineCustomBoolVariable(setting.name, setting.description, nullptr, setting.variable,
                             setting.boot, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  }
  DefineCustomEnumVariable(
      "fraiseql_subs.overflow",
      "What a commit does when its events do not fit in the ring beside unread ones.", nullptr,
      &overflow, kOverwrite, kOverflowOptions, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  DefineCustomEnumVariable("fraiseql_subs.log_level",
                           "Least important messages of the worker that reach the server log.",
                           nullptr, &log_level, LOG, kLogLevelOptions, PGC_SIGHUP, 0, nullptr,
                           nullptr, nullptr);
  for (const IntSetting& setting : kIntSettings) {
    DefineCustomIntVariable(setting.name, setting.description, nullptr, setting.variable,
                            setting.boot, setting.min, setting.max, setting.context, setting.flags,
                            setting.check, nullptr, nullptr);
  }
  MarkGUCPrefixReserved("fraiseql_subs");
}

void WriteWorkerConfig(StringInfo out) {
  // The worker only prints the name, and its configuration format cannot escape these.
  char* const printable = pstrdup(database);
  for (char* at = printable; *at != '\0'; ++at) {
    if (*at == '"' || *at == '\\' || static_cast<unsigned char>(*at) < ' ') *at = '?';
  }
  appendStringInfo(out, "database = \"%s\"\n", printable);
  pfree(printable);
  appendStringInfo(out, "listen_address = %s\n", listen_address);
  appendStringInfo(out, "allowed_origins = \"%s\"\n", allowed_origins);
  for (const BoolSetting& setting : kBoolSettings) {
    appendStringInfo(out, "%s = %s\n", strchr(setting.name, '.') + 1,
                     *setting.variable ? "true" : "false");
  }
  appendStringInfo(out, "log_level = %s\n", LogLevelName(log_level));
  for (const IntSetting& setting : kIntSettings) {
    if (setting.worker_scale == kNotForWorker) continue;
    appendStringInfo(out, "%s = " INT64_FORMAT "\n", strchr(setting.name, '.') + 1,
                     int64{*setting.variable} * setting.worker_scale);
  }
}

}  // namespace fsubs::settings
