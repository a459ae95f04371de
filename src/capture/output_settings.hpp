// The session's settings that change how values are written. An event must not tell in which
// session a row was changed, so they are pinned while values are written.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// What the text of a type's values depends on besides the value.
inline constexpr uint32_t kReadsDateStyle = 1 << 0;
inline constexpr uint32_t kReadsTimeZone = 1 << 1;
inline constexpr uint32_t kReadsIntervalStyle = 1 << 2;
inline constexpr uint32_t kReadsFloatDigits = 1 << 3;
inline constexpr uint32_t kReadsByteaOutput = 1 << 4;
inline constexpr uint32_t kReadsMonetaryLocale = 1 << 5;
inline constexpr uint32_t kReadsNames = 1 << 6;  // search_path and quote_all_identifiers
inline constexpr uint32_t kReadsAnySetting = (1 << 7) - 1;

// Pin those of the settings that the session has otherwise. Returns what UnpinSettings needs; an
// error that is raised in between unpins them too.
int PinSettings(uint32_t reads);
void UnpinSettings(int pinned);

}  // namespace fsubs
