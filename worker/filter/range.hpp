// PostgreSQL's ranges and multiranges, in forms whose bytes order as ranges do (memcmp).
#pragma once

#include <string>
#include <string_view>

namespace fsubs {

enum class RangeOf { kInteger, kNumber, kDate, kTimestamp, kTimestampTz };

// Append the form of a range: "[1,4)", "(,5]", "empty". Ranges of whole numbers and of days that
// hold the same ones are equal. Returns false, having appended nothing, if `text` is none.
[[nodiscard]] bool AppendRangeForm(RangeOf of, std::string_view text, std::string* out);

// The same of a multirange: "{[1,4),[6,8)}". Ranges that touch count as one.
[[nodiscard]] bool AppendMultirangeForm(RangeOf of, std::string_view text, std::string* out);

}  // namespace fsubs
