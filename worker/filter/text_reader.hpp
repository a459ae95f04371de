// Reads a text from its front.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

#include "graphql/language/ascii.hpp"

namespace fsubs {

// What PostgreSQL's input functions skip.
constexpr bool IsBlank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

constexpr std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

// Whether two texts are the same but for the case of ASCII letters.
constexpr bool IsSameWord(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (graphql::ToLower(a[i]) != graphql::ToLower(b[i])) return false;
  }
  return true;
}

// The value of a hexadecimal digit; -1 if it is none.
constexpr int HexValue(char c) {
  const char lower = graphql::ToLower(c);
  if (graphql::IsDigit(c)) return c - '0';
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

class TextReader {
 public:
  explicit TextReader(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  char front() const { return rest_.empty() ? '\0' : rest_.front(); }

  bool Skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool SkipWord(std::string_view word) {
    if (!IsSameWord(rest_.substr(0, word.size()), word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  void SkipBlanks() {
    while (IsBlank(front())) rest_.remove_prefix(1);
  }

  // Decimal digits, as many as there are.
  std::string_view Digits() {
    return Take([](char c) { return graphql::IsDigit(c); });
  }

  // ASCII letters, as many as there are.
  std::string_view Letters() {
    return Take([](char c) { return graphql::ToLower(c) >= 'a' && graphql::ToLower(c) <= 'z'; });
  }

  // Between `min_digits` and `max_digits` decimal digits.
  bool Number(size_t min_digits, size_t max_digits, int64_t* value) {
    size_t count = 0;
    while (count < rest_.size() && count < max_digits && graphql::IsDigit(rest_[count])) ++count;
    if (count < min_digits) return false;
    std::from_chars(rest_.data(), rest_.data() + count, *value);
    rest_.remove_prefix(count);
    return true;
  }

 private:
  template <typename Matches>
  std::string_view Take(Matches matches) {
    size_t count = 0;
    while (count < rest_.size() && matches(rest_[count])) ++count;
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::string_view rest_;
};

}  // namespace fsubs
