// Dates and times as texts spell them, in forms whose bytes order as they do (memcmp).
//
// Dates are read as ISO 8601, RFC 3339 and PostgreSQL write them, "infinity" and years "BC"
// included; zones as offsets from UTC. No zone is UTC. Blanks around a text do not count.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fsubs {

// Append the form of what `text` names. Each returns false, having appended nothing, if it names no
// such thing.

// A moment, exactly: every digit of its seconds counts.
[[nodiscard]] bool AppendInstantForm(std::string_view text, std::string* out);

// The types of PostgreSQL, by the microsecond. What a type has no place for does not count: the
// zone of a timestamp and of a time, the time of a date.
[[nodiscard]] bool AppendTimestampForm(std::string_view text, std::string* out);
[[nodiscard]] bool AppendTimestampTzForm(std::string_view text, std::string* out);
[[nodiscard]] bool AppendDateForm(std::string_view text, std::string* out);
[[nodiscard]] bool AppendTimeForm(std::string_view text, std::string* out);
// Two times are equal if their zones are too.
[[nodiscard]] bool AppendTimeTzForm(std::string_view text, std::string* out);

// A date as days since 2000; the least and greatest number for "-infinity" and "infinity".
[[nodiscard]] bool ReadDate(std::string_view text, int64_t* days);

// Digits behind a decimal point as microseconds, rounded as PostgreSQL does.
int64_t RoundToMicroseconds(std::string_view digits);

}  // namespace fsubs
