// Letters and digits of ASCII, whatever the process's locale.
#pragma once

#include <string>
#include <string_view>

namespace fsubs::graphql {

constexpr bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

constexpr char ToLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string ToLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = ToLower(c);
  return lower;
}

}  // namespace fsubs::graphql
