#include "graphql/language/suggest.hpp"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "graphql/language/ascii.hpp"
#include "graphql/language/utf8.hpp"

namespace fsubs::graphql {
namespace {

// `text`, which may be any bytes, in UTF-16, by which graphql-js counts, with ASCII letters in
// lower case.
std::u16string Lower(std::string_view text) {
  std::u16string lower;
  lower.reserve(text.size());
  for (uint32_t at = 0; at < text.size();) {
    uint32_t code = static_cast<unsigned char>(text[at]);
    at += std::max(DecodeUtf8(text, at, &code), 1U);
    if (code >= 'A' && code <= 'Z') code += 'a' - 'A';
    if (code > 0xFFFF) {
      lower += static_cast<char16_t>(0xD800 + ((code - 0x10000) >> 10));
      code = 0xDC00 + ((code - 0x10000) & 0x3FF);
    }
    lower += static_cast<char16_t>(code);
  }
  return lower;
}

// Damerau-Levenshtein distance with adjacent transpositions, or nothing if it exceeds `threshold`.
// Names whose lengths differ by more are not compared, so the length of the schema's names bounds
// the work.
std::optional<size_t> Distance(const std::u16string& a, const std::u16string& b, size_t threshold) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > threshold) return std::nullopt;
  std::vector<size_t> rows[3];
  for (std::vector<size_t>& row : rows) row.resize(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    const std::vector<size_t>& before = rows[(i + 2) % 3];
    const std::vector<size_t>& two_before = rows[(i + 1) % 3];
    std::vector<size_t>& row = rows[i % 3];
    size_t smallest = row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = before[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({before[j] + 1, row[j - 1] + 1, substituted});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], two_before[j - 2] + 1);
      }
      smallest = std::min(smallest, row[j]);
    }
    if (smallest > threshold) return std::nullopt;
  }
  const size_t distance = rows[a.size() % 3][b.size()];
  if (distance > threshold) return std::nullopt;
  return distance;
}

}  // namespace

bool NaturalLess(std::string_view a, std::string_view b) {
  size_t i = 0;
  size_t j = 0;
  // A leading zero is a number on its own.
  const auto number = [](std::string_view text, size_t* at) {
    const size_t start = *at;
    if (text[start] == '0') return text.substr(++*at, 0);
    while (*at < text.size() && IsDigit(text[*at])) ++*at;
    return text.substr(start, *at - start);
  };
  while (i < a.size() && j < b.size()) {
    if (IsDigit(a[i]) && IsDigit(b[j])) {
      const std::string_view in_a = number(a, &i);
      const std::string_view in_b = number(b, &j);
      if (in_a.size() != in_b.size()) return in_a.size() < in_b.size();
      if (in_a != in_b) return in_a < in_b;
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      ++i;
      ++j;
    }
  }
  return a.size() < b.size();
}

std::vector<std::string> Suggest(std::string_view input,
                                 const std::vector<std::string_view>& options) {
  const std::u16string lower = Lower(input);
  const size_t threshold = lower.size() * 4 / 10 + 1;
  std::vector<std::pair<size_t, std::string_view>> near;
  std::unordered_set<std::string_view> seen;
  for (std::string_view option : options) {
    if (!seen.insert(option).second) continue;
    const std::u16string option_lower = Lower(option);
    const std::optional<size_t> distance = input == option ? 0
                                           : lower == option_lower
                                               ? 1
                                               : Distance(lower, option_lower, threshold);
    if (distance) near.emplace_back(*distance, option);
  }
  std::stable_sort(near.begin(), near.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : NaturalLess(a.second, b.second);
  });
  std::vector<std::string> names;
  for (const auto& [distance, name] : near) names.emplace_back(name);
  return names;
}

std::string DidYouMean(const std::vector<std::string>& suggestions, std::string_view kind,
                       bool quoted) {
  if (suggestions.empty()) return {};
  const size_t count = std::min<size_t>(suggestions.size(), 5);
  std::string text = " Did you mean ";
  if (!kind.empty()) text.append(kind) += ' ';
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) text += count == 2 ? " " : ", ";
    if (i > 0 && i == count - 1) text += "or ";
    text += quoted ? "\"" + suggestions[i] + "\"" : suggestions[i];
  }
  return text += '?';
}

}  // namespace fsubs::graphql
