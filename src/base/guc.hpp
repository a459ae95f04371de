// The settings `fraiseql_subs.*`: contract/settings.hpp, as PostgreSQL keeps them.
#pragma once

#include <array>

#include "contract/settings.hpp"
#include "src/base/pg_compat.hpp"

namespace fsubs::settings {

// Where the server keeps one setting's value; which member, the setting's kind says.
struct Value {
  bool boolean = false;
  int integer = 0;  // also an enum's
  char* string = nullptr;
};

// In the order of kSettings. Set by the server once they are defined; until then, and where the
// library is not preloaded, they have their defaults, and strings are null.
extern std::array<Value, kSettingCount> values;

consteval char* const& StringValue(std::string_view name) {
  (void)SettingOf<StringSetting>(name);
  return values[SettingIndex(name)].string;
}

// Compiles only if PostgreSQL counts the setting in `unit`.
consteval const int& IntegerValue(std::string_view name, Unit unit) {
  if (SettingOf<IntegerSetting>(name).unit != unit) throw "another unit";
  return values[SettingIndex(name)].integer;
}

consteval const bool& BoolValue(std::string_view name) {
  (void)SettingOf<BoolSetting>(name);
  return values[SettingIndex(name)].boolean;
}

consteval const int& EnumValue(std::string_view name) {
  (void)SettingOf<EnumSetting>(name);
  return values[SettingIndex(name)].integer;
}

// What the extension itself reads.
inline char* const& database = StringValue("database");
inline const int& ring_size_kb = IntegerValue("ring_size", Unit::kKilobytes);
inline const int& overflow_timeout_ms = IntegerValue("overflow_timeout", Unit::kMilliseconds);
inline const int& max_event_size_bytes = IntegerValue("max_event_size", Unit::kBytes);
inline const int& max_transaction_size_kb = IntegerValue("max_transaction_size", Unit::kKilobytes);
inline const int& transaction_memory_kb = IntegerValue("transaction_memory", Unit::kKilobytes);
inline const int& worker_threads = IntegerValue("worker_threads", Unit::kNone);
inline char* const& listen_address = StringValue("listen_address");
inline const int& port = IntegerValue("port", Unit::kNone);
inline char* const& unix_socket = StringValue("unix_socket");
inline const bool& ssl = BoolValue("ssl");
inline char* const& ssl_cert_file = StringValue("ssl_cert_file");
inline char* const& ssl_key_file = StringValue("ssl_key_file");
inline char* const& ssl_ca_file = StringValue("ssl_ca_file");
inline const bool& standby_waits_for_replay = BoolValue("standby_waits_for_replay");
inline const int& drain_timeout_ms = IntegerValue("drain_timeout", Unit::kMilliseconds);
inline const int& stuck_timeout_ms = IntegerValue("stuck_timeout", Unit::kMilliseconds);
inline char* const& anonymous_claims = StringValue("anonymous_claims");
inline char* const& key_directory = StringValue("key_directory");
inline char* const& authenticate = StringValue("authenticate");
inline const int& authenticate_timeout_ms =
    IntegerValue("authenticate_timeout", Unit::kMilliseconds);
inline const int& resolver_processes = IntegerValue("resolver_processes", Unit::kNone);
inline char* const& tenant_field = StringValue("tenant_field");
inline Bus bus() {
  return static_cast<Bus>(EnumValue("bus"));
}

inline Overflow overflow() {
  return static_cast<Overflow>(EnumValue("overflow"));
}

inline CaptureFailure capture_failure() {
  return static_cast<CaptureFailure>(EnumValue("capture_failure"));
}

// Define the settings. Call once, from _PG_init in the postmaster.
void Define();

// Append to `out` the options of the worker, one `name = value` line each: sizes in bytes, times in
// milliseconds, booleans as true and false.
void WriteWorkerConfig(StringInfo out);

}  // namespace fsubs::settings
