// What a setting is. contract/settings.hpp lists them.
//
// Constant data: nothing is allocated or run when the extension is loaded. Sizes are in bytes and
// times in milliseconds.
#pragma once

#include <cstdint>
#include <span>
#include <variant>

namespace fsubs {

inline constexpr int64_t kKilobyte = 1024;
inline constexpr int64_t kMegabyte = 1024 * kKilobyte;
inline constexpr int64_t kGigabyte = 1024 * kMegabyte;
inline constexpr int64_t kSecond = 1000;
inline constexpr int64_t kMinute = 60 * kSecond;
inline constexpr int64_t kHour = 60 * kMinute;

struct BoolSetting {
  bool default_value;
};

// What PostgreSQL counts in; its numbers are no larger than an `int`.
enum class Unit { kNone, kBytes, kKilobytes, kMilliseconds };

struct IntegerSetting {
  int64_t default_value;
  int64_t min;
  int64_t max;
  Unit unit = Unit::kNone;
  bool zero_is_off = false;  // 0 is a value too, below the range
};

struct StringSetting {
  const char* default_value;
  const char* range;  // in words
};

struct Choice {
  const char* name;
  int value;
  bool hidden = false;  // accepted, but not shown
};

struct EnumSetting {
  int default_value;
  std::span<const Choice> choices;
};

enum class ChangedBy {
  kRestart,  // of the server
  kReload,
  kSession,  // a superuser, or who was granted SET
};

struct Setting {
  const char* name;
  std::variant<BoolSetting, IntegerSetting, StringSetting, EnumSetting> value;
  ChangedBy changed_by;
  bool is_worker_option = false;
  bool is_secret = false;  // shown to superusers, and to who may read all settings
  const char* sentence;    // what stands in "quotes" is code
};

// How many bytes or milliseconds PostgreSQL's number counts.
constexpr int64_t ScaleOf(Unit unit) {
  return unit == Unit::kKilobytes ? kKilobyte : 1;
}

// The name of one of the values. REQUIRES: it has one that is not hidden.
constexpr const char* NameOf(const EnumSetting& setting, int value) {
  const Choice* choice = setting.choices.data();
  while (choice->value != value || choice->hidden) ++choice;
  return choice->name;
}

constexpr bool IsWithinRange(const IntegerSetting& setting, int64_t value) {
  return (value >= setting.min && value <= setting.max) || (value == 0 && setting.zero_is_off);
}

// Whether the default lies in the range, and all of it fits PostgreSQL's numbers.
constexpr bool IsSound(const IntegerSetting& setting) {
  const int64_t scale = ScaleOf(setting.unit);
  return IsWithinRange(setting, setting.default_value) && setting.max / scale <= INT32_MAX &&
         setting.default_value % scale == 0 && setting.min % scale == 0 && setting.max % scale == 0;
}

}  // namespace fsubs
