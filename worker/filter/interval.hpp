// Lengths of time, in a form whose bytes order as PostgreSQL's intervals do (memcmp): a month has
// 30 days and a day 24 hours.
#pragma once

#include <string>
#include <string_view>

namespace fsubs {

// Append the form of an interval as PostgreSQL prints it with `IntervalStyle` postgres,
// postgres_verbose or iso_8601, or as it reads it with units: "1 day 02:00", "P1DT2H", "26 hours".
// Returns false, having appended nothing, if `text` is none.
[[nodiscard]] bool AppendIntervalForm(std::string_view text, std::string* out);

}  // namespace fsubs
