// The settings: what each is called, its default and range, when a change takes effect, and the
// sentence that explains it. The extension defines all of them as `fraiseql_subs.*`
// (src/base/guc.cpp), the worker takes its own as options (worker/base/options.cpp), and
// scripts/settings-table writes README's table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <variant>

#include "contract/ring_layout.hpp"
#include "contract/setting.hpp"

namespace fsubs {

inline constexpr int64_t kMaxResolverProcesses = 64;

// What a commit does when its events do not fit in the ring beside unread ones.
enum class Overflow : int { kOverwrite, kError, kWait };

inline constexpr Choice kOverflowChoices[] = {
    {"overwrite", static_cast<int>(Overflow::kOverwrite)},
    {"error", static_cast<int>(Overflow::kError)},
    {"wait", static_cast<int>(Overflow::kWait)},
};

// What a write to a watched table does when its event cannot be made as it should.
enum class CaptureFailure : int { kTell, kError };

inline constexpr Choice kCaptureFailureChoices[] = {
    {"tell", static_cast<int>(CaptureFailure::kTell)},
    {"error", static_cast<int>(CaptureFailure::kError)},
};

enum class LogLevel : int { kDebug, kLog, kWarning, kError };

inline constexpr Choice kLogLevelChoices[] = {
    {"debug", static_cast<int>(LogLevel::kDebug)},
    {"log", static_cast<int>(LogLevel::kLog)},
    {"info", static_cast<int>(LogLevel::kLog), /*hidden=*/true},
    {"warning", static_cast<int>(LogLevel::kWarning)},
    {"error", static_cast<int>(LogLevel::kError)},
};

enum class TlsVersion : int { k1_2, k1_3 };

inline constexpr Choice kTlsVersionChoices[] = {
    {"TLSv1.2", static_cast<int>(TlsVersion::k1_2)},
    {"TLSv1.3", static_cast<int>(TlsVersion::k1_3)},
};

// How events get from the servers on which they are published to the nodes that serve clients.
enum class Bus : int { kMemory, kRedis, kPostgresql };

inline constexpr Choice kBusChoices[] = {
    {"memory", static_cast<int>(Bus::kMemory)},
    {"redis", static_cast<int>(Bus::kRedis)},
    {"postgresql", static_cast<int>(Bus::kPostgresql)},
};

inline constexpr Setting kSettings[] = {
    {.name = "database",
     .value = StringSetting{.default_value = "postgres", .range = "a name"},
     .changed_by = ChangedBy::kRestart,
     .is_worker_option = true,
     .sentence = "The one database that is served."},
    {.name = "listen_address",
     .value = StringSetting{.default_value = "127.0.0.1", .range = "one IP address"},
     .changed_by = ChangedBy::kRestart,
     .is_worker_option = true,
     .sentence = "Address that clients connect to; \"::\" or \"0.0.0.0\" for any of the machine."},
    {.name = "port",
     .value = IntegerSetting{.default_value = 4000, .min = 1, .max = 65535},
     .changed_by = ChangedBy::kRestart,
     .is_worker_option = true,
     .sentence =
         "TCP port for WebSocket and HTTP: \"/graphql\", \"/readyz\", \"/livez\", \"/metrics\"."},
    {.name = "unix_socket",
     .value = StringSetting{.default_value = "", .range = "an absolute path, or empty"},
     .changed_by = ChangedBy::kRestart,
     .is_worker_option = true,
     .sentence = "Unix socket on which clients are served as well."},
    {.name = "proxy_protocol_from",
     .value = StringSetting{.default_value = "", .range = "addresses and networks"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Proxies that name the client's address by the PROXY protocol, such as "
                 "\"10.0.0.5, 10.1.0.0/16\"; nobody else may."},
    {.name = "ssl",
     .value = BoolSetting{.default_value = false},
     .changed_by = ChangedBy::kRestart,
     .is_worker_option = true,
     .sentence = "Serve by TLS: \"wss\" and \"https\"."},
    {.name = "ssl_cert_file",
     .value = StringSetting{.default_value = "server.crt", .range = "a file"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Certificate and its chain, in PEM; the path begins in the data directory."},
    {.name = "ssl_key_file",
     .value = StringSetting{.default_value = "server.key", .range = "a file"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "The certificate's private key, likewise."},
    {.name = "ssl_ca_file",
     .value = StringSetting{.default_value = "", .range = "a file, or empty"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Certificates of which clients must present one or one signed by one; empty asks "
                 "for none."},
    {.name = "ssl_ciphers",
     .value = StringSetting{.default_value = "HIGH:!aNULL", .range = "as OpenSSL has it"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Ciphers allowed below TLS 1.3."},
    {.name = "ssl_min_protocol_version",
     .value = EnumSetting{.default_value = static_cast<int>(TlsVersion::k1_2),
                          .choices = kTlsVersionChoices},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Oldest version of TLS that is spoken."},
    {.name = "sandbox",
     .value = BoolSetting{.default_value = true},
     .changed_by = ChangedBy::kRestart,
     .is_worker_option = true,
     .sentence = "Take from the worker, once it has started, what it needs no more of the system."},
    {.name = "allow_anonymous",
     .value = BoolSetting{.default_value = false},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Accept clients without credentials."},
    {.name = "anonymous_claims",
     .value = StringSetting{.default_value = "{}", .range = "a JSON object"},
     .changed_by = ChangedBy::kReload,
     .sentence = "Claims of clients without credentials."},
    {.name = "token_in_url",
     .value = BoolSetting{.default_value = false},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Take a token from the URL's parameter \"access_token\" too, where logs of "
                 "proxies may keep it."},
    {.name = "key_directory",
     .value = StringSetting{.default_value = "", .range = "an absolute path, or empty"},
     .changed_by = ChangedBy::kReload,
     .sentence = "Directory of the key files that issuers may name."},
    {.name = "authenticate",
     .value = StringSetting{.default_value = "", .range = "a function, or empty"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Function (claims jsonb, init_payload jsonb, headers jsonb) returns jsonb that "
                 "decides on each client, and on its claims."},
    {.name = "authenticate_timeout",
     .value =
         IntegerSetting{
             .default_value = 500, .min = 1, .max = kMinute, .unit = Unit::kMilliseconds},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Longest time that this function may take."},
    {.name = "expiry_notice",
     .value = IntegerSetting{.default_value = kMinute,
                             .min = kSecond,
                             .max = kHour,
                             .unit = Unit::kMilliseconds,
                             .zero_is_off = true},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "How long before its token expires a client is told; 0 is never."},
    {.name = "tenant_field",
     .value = StringSetting{.default_value = "", .range = "a field of events, or empty"},
     .changed_by = ChangedBy::kReload,
     .sentence = "Field of events that names their tenant, for subscription fields that were "
                 "registered without one."},
    {.name = "audit_log",
     .value = BoolSetting{.default_value = true},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Log who was refused what, and why."},
    {.name = "allowed_origins",
     .value = StringSetting{.default_value = "*", .range = "origins"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Web pages that may connect, such as \"https://app.example.com\" or "
                 "\"https://*.example.com\", separated by commas; \"*\" is any."},
    {.name = "introspection",
     .value = BoolSetting{.default_value = true},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Let clients ask for the schema."},
    {.name = "playground",
     .value = BoolSetting{.default_value = false},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Serve a page at \"/\" for trying subscriptions in a browser."},
    {.name = "resolver_processes",
     .value = IntegerSetting{.default_value = 1, .min = 1, .max = kMaxResolverProcesses},
     .changed_by = ChangedBy::kReload,
     .sentence = "Processes that call functions which resolve fields, each one call at a time, and "
                 "each in one of \"max_worker_processes\"."},
    {.name = "worker_threads",
     .value = IntegerSetting{.default_value = 1, .min = 1, .max = int64_t{kMaxShards}},
     .changed_by = ChangedBy::kRestart,
     .sentence = "Threads of the worker, among which clients are shared."},
    {.name = "ring_size",
     .value = IntegerSetting{.default_value = 64 * kMegabyte,
                             .min = kMegabyte,
                             .max = 1024 * kGigabyte,
                             .unit = Unit::kKilobytes},
     .changed_by = ChangedBy::kRestart,
     .sentence = "Memory for events on their way to the worker."},
    {.name = "bus",
     .value = EnumSetting{.default_value = static_cast<int>(Bus::kMemory), .choices = kBusChoices},
     .changed_by = ChangedBy::kRestart,
     .is_worker_option = true,
     .sentence =
         "What carries events to nodes without a database; \"memory\" is nothing beyond one "
         "machine."},
    {.name = "bus_url",
     .value = StringSetting{.default_value = "", .range = "a URL, or empty"},
     .changed_by = ChangedBy::kRestart,
     .is_worker_option = true,
     .is_secret = true,
     .sentence = "Where the bus is, such as \"redis://user:password@host:6379/0\"."},
    {.name = "bus_ca_file",
     .value = StringSetting{.default_value = "", .range = "a file, or empty"},
     .changed_by = ChangedBy::kRestart,
     .is_worker_option = true,
     .sentence = "Certificates of which the bus's server must present one or one signed by one, "
                 "where its URL asks for TLS; empty is the system's."},
    {.name = "bus_max_length",
     .value = IntegerSetting{.default_value = 1000000, .min = 1000, .max = 2000000000},
     .changed_by = ChangedBy::kRestart,
     .is_worker_option = true,
     .sentence = "How many events the bus keeps, about, for nodes that are behind."},
    {.name = "bus_max_age",
     .value = IntegerSetting{.default_value = kHour,
                             .min = kSecond,
                             .max = 24 * 20 * kHour,
                             .unit = Unit::kMilliseconds,
                             .zero_is_off = true},
     .changed_by = ChangedBy::kRestart,
     .is_worker_option = true,
     .sentence = "How long it keeps them, about; 0 is for as long as there is room."},
    {.name = "node_name",
     .value = StringSetting{.default_value = "", .range = "a name, or empty"},
     .changed_by = ChangedBy::kRestart,
     .is_worker_option = true,
     .sentence = "What this node is called on the bus; empty is its host's name and \"port\"."},
    {.name = "standby_waits_for_replay",
     .value = BoolSetting{.default_value = true},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "On a standby that serves from a bus: deliver an event only when the standby has "
                 "replayed its commit."},
    {.name = "overflow",
     .value = EnumSetting{.default_value = static_cast<int>(Overflow::kOverwrite),
                          .choices = kOverflowChoices},
     .changed_by = ChangedBy::kSession,
     .sentence = "What a commit does when the ring is full of unread events: overwrite them, "
                 "fail, or wait and then fail."},
    {.name = "overflow_timeout",
     .value =
         IntegerSetting{
             .default_value = kSecond, .min = 1, .max = kHour, .unit = Unit::kMilliseconds},
     .changed_by = ChangedBy::kSession,
     .sentence = "Longest time that a commit waits where \"overflow\" is \"wait\"."},
    {.name = "capture_failure",
     .value = EnumSetting{.default_value = static_cast<int>(CaptureFailure::kTell),
                          .choices = kCaptureFailureChoices},
     .changed_by = ChangedBy::kSession,
     .sentence = "What a write to a watched table does when its event is too large or cannot be "
                 "made: tell subscribers what is missing, or fail."},
    {.name = "max_event_size",
     .value = IntegerSetting{.default_value = kMegabyte,
                             .min = kKilobyte,
                             .max = 256 * kMegabyte,
                             .unit = Unit::kBytes},
     .changed_by = ChangedBy::kSession,
     .sentence = "Largest event that can be published; never more than a quarter of the ring."},
    {.name = "max_transaction_size",
     .value = IntegerSetting{.default_value = 16 * kGigabyte,
                             .min = kMegabyte,
                             .max = 1024 * kGigabyte,
                             .unit = Unit::kKilobytes},
     .changed_by = ChangedBy::kSession,
     .sentence = "Most events of one open transaction, in memory and in a temporary file."},
    {.name = "transaction_memory",
     .value = IntegerSetting{.default_value = 64 * kMegabyte,
                             .min = 64 * kKilobyte,
                             .max = 1024 * kGigabyte,
                             .unit = Unit::kKilobytes},
     .changed_by = ChangedBy::kSession,
     .sentence = "Most memory for the events of one open transaction; more of them go to a "
                 "temporary file."},
    {.name = "init_timeout",
     .value =
         IntegerSetting{
             .default_value = 3 * kSecond, .min = 10, .max = kHour, .unit = Unit::kMilliseconds},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Time a client has to send \"connection_init\"."},
    {.name = "keepalive_interval",
     .value = IntegerSetting{.default_value = 12 * kSecond,
                             .min = 100,
                             .max = kHour,
                             .unit = Unit::kMilliseconds,
                             .zero_is_off = true},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Time between two pings to a client; one that sends nothing between them is "
                 "disconnected; 0 is never."},
    {.name = "max_message_size",
     .value = IntegerSetting{.default_value = 64 * kKilobyte,
                             .min = kKilobyte,
                             .max = 16 * kMegabyte,
                             .unit = Unit::kBytes},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Largest message accepted from a client."},
    {.name = "max_connections",
     .value = IntegerSetting{.default_value = 20000, .min = 1, .max = 1000000},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Most clients connected at a time."},
    {.name = "max_unfinished_per_address",
     .value = IntegerSetting{.default_value = 1000, .min = 0, .max = 1000000},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Most connections of one IP address that have not sent a whole request yet; 0 is "
                 "no limit."},
    {.name = "max_subscriptions_per_connection",
     .value = IntegerSetting{.default_value = 100, .min = 1, .max = 100000},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Most subscriptions of one client at a time."},
    {.name = "max_connection_memory",
     .value = IntegerSetting{.default_value = 4 * kMegabyte,
                             .min = 64 * kKilobyte,
                             .max = kGigabyte,
                             .unit = Unit::kKilobytes},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Most memory for what one client has subscribed to; unsent events are not part "
                 "of it."},
    {.name = "outbox_size",
     .value = IntegerSetting{.default_value = kMegabyte,
                             .min = 16 * kKilobyte,
                             .max = kGigabyte,
                             .unit = Unit::kKilobytes},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Most unsent bytes kept for one client; its further events wait in the ring."},
    {.name = "max_query_tokens",
     .value = IntegerSetting{.default_value = 2000, .min = 10, .max = 1000000},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Most tokens in a client's GraphQL document."},
    {.name = "max_query_depth",
     .value = IntegerSetting{.default_value = 20, .min = 1, .max = 200},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Deepest nesting of a client's GraphQL document."},
    {.name = "max_query_size",
     .value = IntegerSetting{.default_value = 32 * kKilobyte,
                             .min = 256,
                             .max = 16 * kMegabyte,
                             .unit = Unit::kBytes},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Largest GraphQL document accepted from a client."},
    {.name = "max_query_aliases",
     .value = IntegerSetting{.default_value = 100, .min = 0, .max = 1000000},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Most aliases in a client's GraphQL document, fragments expanded."},
    {.name = "max_query_selections",
     .value = IntegerSetting{.default_value = 5000, .min = 1, .max = 20000},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Most fields that a client's GraphQL document selects, fragments expanded."},
    {.name = "max_filter_conditions",
     .value = IntegerSetting{.default_value = 1000, .min = 1, .max = 100000},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Most conditions, items of lists included, in the filter of one subscription."},
    {.name = "max_held_size",
     .value = IntegerSetting{.default_value = 64 * kMegabyte,
                             .min = 64 * kKilobyte,
                             .max = 64 * kGigabyte,
                             .unit = Unit::kKilobytes},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Most memory of a thread of the worker for events that wait for resolvers; what "
                 "finds no room is lost, and subscribers are told how many."},
    {.name = "limit_connections_per_user",
     .value = StringSetting{.default_value = "", .range = "a number, or empty"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Most connections of one user at a time; empty is no limit."},
    {.name = "limit_connections_per_address",
     .value = StringSetting{.default_value = "", .range = "a number, or empty"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence =
         "Most connections of one IP address at a time, a proxy's included; empty is no limit."},
    {.name = "limit_connections_per_tenant",
     .value = StringSetting{.default_value = "", .range = "a number, or empty"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Most connections of one tenant at a time; empty is no limit."},
    {.name = "limit_new_connections_per_address",
     .value = StringSetting{.default_value = "", .range = "a rate, or empty"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Rate at which one IP address may connect, such as \"100/s burst 200\"; empty is "
                 "no limit."},
    {.name = "limit_subscriptions_per_user",
     .value = StringSetting{.default_value = "", .range = "a number, or empty"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Most subscriptions of one user at a time; empty is no limit."},
    {.name = "limit_subscriptions_created_per_user",
     .value = StringSetting{.default_value = "", .range = "a rate, or empty"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Rate at which one user may subscribe; empty is no limit."},
    {.name = "limit_events_per_subscription",
     .value = StringSetting{.default_value = "", .range = "a rate, or empty"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Rate of events that one subscription is sent; empty is no limit."},
    {.name = "limit_events_per_user",
     .value = StringSetting{.default_value = "", .range = "a rate, or empty"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Rate of events that one user is sent; empty is no limit."},
    {.name = "limit_messages_per_connection",
     .value = StringSetting{.default_value = "", .range = "a rate, or empty"},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Rate of messages or requests that one connection may send; empty is no limit."},
    {.name = "slow_timeout",
     .value =
         IntegerSetting{
             .default_value = 10 * kSecond, .min = 100, .max = kHour, .unit = Unit::kMilliseconds},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "How long a client may read nothing of what waits for it before it is "
                 "disconnected."},
    {.name = "drain_timeout",
     .value = IntegerSetting{.default_value = 5 * kSecond,
                             .min = 0,
                             .max = 10 * kMinute,
                             .unit = Unit::kMilliseconds},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Time clients have to leave when the worker is stopped."},
    {.name = "stuck_timeout",
     .value = IntegerSetting{.default_value = 30 * kSecond,
                             .min = 5 * kSecond,
                             .max = kHour,
                             .unit = Unit::kMilliseconds,
                             .zero_is_off = true},
     .changed_by = ChangedBy::kReload,
     .sentence = "How long a thread of the worker may stand still before the worker is ended and "
                 "restarted; 0 is for ever, for a debugger."},
    {.name = "log_level",
     .value = EnumSetting{.default_value = static_cast<int>(LogLevel::kLog),
                          .choices = kLogLevelChoices},
     .changed_by = ChangedBy::kReload,
     .is_worker_option = true,
     .sentence = "Least important messages of the worker that reach the server log."},
};

inline constexpr size_t kSettingCount = std::size(kSettings);

// Where in kSettings the setting `name` stands. Compiles only for a name that is there.
consteval size_t SettingIndex(std::string_view name) {
  size_t index = 0;
  while (kSettings[index].name != name) ++index;
  return index;
}

// The setting `name`. Compiles only if it is of that kind.
template <typename Kind>
consteval const Kind& SettingOf(std::string_view name) {
  return std::get<Kind>(kSettings[SettingIndex(name)].value);
}

// Whether each number is sound and each name stands once.
consteval bool AreSound() {
  for (const Setting& setting : kSettings) {
    if (std::holds_alternative<IntegerSetting>(setting.value) &&
        !IsSound(std::get<IntegerSetting>(setting.value))) {
      return false;
    }
    for (const Setting* other = kSettings; other != &setting; ++other) {
      if (std::string_view(other->name) == setting.name) return false;
    }
  }
  return true;
}

static_assert(AreSound());

}  // namespace fsubs
