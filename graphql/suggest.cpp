#include "graphql/suggest.hpp"

#include <algorithm>
#include <climits>

namespace fsubs::graphql {
namespace {

constexpr int kFar = INT_MAX;

// Names longer than this are not compared: the cost is the product of the lengths.
constexpr size_t kMaxCompared = 128;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

// Damerau-Levenshtein distance with adjacent transpositions; kFar beyond `threshold`.
int Distance(const std::string& a, const std::string& b, int threshold) {
  const auto length_a = static_cast<int>(a.size());
  const auto length_b = static_cast<int>(b.size());
  if (std::abs(length_a - length_b) > threshold) return kFar;
  std::vector<std::vector<int>> rows(3, std::vector<int>(b.size() + 1, 0));
  for (int j = 0; j <= length_b; ++j) rows[0][static_cast<size_t>(j)] = j;
  for (int i = 1; i <= length_a; ++i) {
    const std::vector<int>& before = rows[static_cast<size_t>((i + 2) % 3)];
    const std::vector<int>& two_before = rows[static_cast<size_t>((i + 1) % 3)];
    std::vector<int>& row = rows[static_cast<size_t>(i % 3)];
    int smallest = row[0] = i;
    for (int j = 1; j <= length_b; ++j) {
      const auto at = static_cast<size_t>(j);
      const char in_a = a[static_cast<size_t>(i - 1)];
      const char in_b = b[at - 1];
      int cell = std::min({before[at] + 1, row[at - 1] + 1, before[at - 1] + (in_a != in_b)});
      if (i > 1 && j > 1 && in_a == b[at - 2] && a[static_cast<size_t>(i - 2)] == in_b) {
        cell = std::min(cell, two_before[at - 2] + 1);
      }
      row[at] = cell;
      smallest = std::min(smallest, cell);
    }
    if (smallest > threshold) return kFar;
  }
  const int distance = rows[static_cast<size_t>(length_a % 3)][b.size()];
  return distance <= threshold ? distance : kFar;
}

}  // namespace

std::vector<std::string> Suggest(std::string_view input,
                                 const std::vector<std::string_view>& options) {
  if (input.size() > kMaxCompared) return {};
  const std::string lower = Lower(input);
  const int threshold = static_cast<int>(static_cast<double>(input.size()) * 0.4) + 1;
  std::vector<std::pair<int, std::string>> near;
  for (std::string_view option : options) {
    if (option.size() > kMaxCompared) continue;
    const std::string option_lower = Lower(option);
    const int distance = input == option         ? 0
                         : lower == option_lower ? 1
                                                 : Distance(lower, option_lower, threshold);
    if (distance <= threshold) near.emplace_back(distance, option);
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> names;
  for (auto& [distance, name] : near) names.push_back(std::move(name));
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
