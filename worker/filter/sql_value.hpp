// Values as PostgreSQL's input functions spell them, in forms whose bytes order as the types do
// (memcmp). Each function appends the form of `text`, or returns false, having appended perhaps a
// part, if the type does not allow it.
#pragma once

#include <string>
#include <string_view>

namespace fsubs {

// A number with any number of digits, exactly; NaN, which is the greatest, and infinities. Forms
// end themselves: none begins another.
[[nodiscard]] bool AppendSqlNumber(std::string_view text, std::string* out);

// float4, float8: the nearest number of the type.
[[nodiscard]] bool AppendFloat4Form(std::string_view text, std::string* out);
[[nodiscard]] bool AppendFloat8Form(std::string_view text, std::string* out);

// money with `lc_monetary` C: "$1,234.56", "-$1", "($1)", or the number.
[[nodiscard]] bool AppendMoneyForm(std::string_view text, std::string* out);

// boolean: true, yes, on, 1, their beginnings, and the opposites.
[[nodiscard]] bool ReadSqlBoolean(std::string_view text, bool* value);

[[nodiscard]] bool AppendUuidForm(std::string_view text, std::string* out);

// bytea, in the formats hex and escape.
[[nodiscard]] bool AppendBytesForm(std::string_view text, std::string* out);

// bit, bit varying: "101", "B101", "X5".
[[nodiscard]] bool AppendBitsForm(std::string_view text, std::string* out);

[[nodiscard]] bool AppendLsnForm(std::string_view text, std::string* out);

// A text in lower case: letters of all scripts, but each by itself and by the rules of no language.
void AppendLower(std::string_view text, std::string* out);

}  // namespace fsubs
