// Numbers as JSON writes them, by their exact value: no digit is lost to a double.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace fsubs {

// Whether `text` is a number as JSON writes it (RFC 8259, section 6).
bool IsJsonNumber(std::string_view text);

// The functions below REQUIRE IsJsonNumber(number).

bool IsZero(std::string_view number);

// Append a form whose bytes order as the numbers do (memcmp). Equal numbers have the same form:
// 42.5, 42.50 and 4.25e1.
void AppendNumberForm(std::string_view number, std::string* out);

// Append a whole number as its digits: 300 for 3e2, 1 for 1.0. Returns false, having appended
// nothing, if the number is not whole, or if an exponent takes it beyond the range of a double.
[[nodiscard]] bool AppendWholeNumber(std::string_view number, std::string* out);

enum class [[nodiscard]] IntResult{
    kOk, kNotWhole,
    kOutOfRange,  // of 32 bits
};

// The value of GraphQL's Int. Sets `*value` on kOk only.
IntResult ToInt(std::string_view number, int32_t* value);

// The value of any JSON text that is an integer in digits alone, as programs write them. Returns
// false if it is something else, or out of range.
template <std::integral Integer>
[[nodiscard]] bool ReadInteger(std::string_view json, Integer* value) {
  const char* const end = json.data() + json.size();
  const auto [rest, error] = std::from_chars(json.data(), end, *value);
  return error == std::errc{} && rest == end;
}

}  // namespace fsubs
