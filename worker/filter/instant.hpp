// Moments in time as RFC 3339 and PostgreSQL write them.
#pragma once

#include <string>
#include <string_view>

namespace fsubs {

// Append a form whose bytes order as the moments do. A moment has the same form in every time zone.
// Takes a date, optionally with a time of up to nine decimals behind "T" or a space, optionally
// with a zone ("Z", "+01", "+0130", "+01:30"; none is UTC), and "infinity" and "-infinity". Returns
// false, having appended nothing, for any other text.
[[nodiscard]] bool AppendInstantForm(std::string_view text, std::string* out);

}  // namespace fsubs
