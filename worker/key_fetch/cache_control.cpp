#include "worker/key_fetch/cache_control.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

namespace fsubs {
namespace {

std::string_view Trim(std::string_view text) {
  const size_t start = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(start);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

// Takes what stands in front of the next comma that is not quoted.
std::string_view TakeDirective(std::string_view* rest) {
  bool quoted = false;
  size_t end = 0;
  for (; end < rest->size() && (quoted || (*rest)[end] != ','); ++end) {
    if ((*rest)[end] == '"') quoted = !quoted;
  }
  const std::string_view directive = rest->substr(0, end);
  rest->remove_prefix(std::min(end + 1, rest->size()));
  return Trim(directive);
}

// Section 1.2.2: a number that is too large is the largest there is.
std::optional<uint64_t> ReadSeconds(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  uint64_t seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, seconds);
  if (rest != end || text.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return std::numeric_limits<uint64_t>::max();
  return seconds;
}

}  // namespace

std::optional<uint64_t> FreshSeconds(std::string_view cache_control) {
  std::optional<uint64_t> fresh;
  while (!cache_control.empty()) {
    const std::string_view directive = TakeDirective(&cache_control);
    const size_t equals = std::min(directive.find('='), directive.size());
    const std::string_view name = directive.substr(0, equals);
    if (EqualsIgnoringCase(name, "no-store") || EqualsIgnoringCase(name, "no-cache")) return 0;
    if (!EqualsIgnoringCase(name, "max-age") || equals == directive.size()) continue;
    const auto seconds = ReadSeconds(directive.substr(equals + 1));
    if (seconds) fresh = fresh ? std::min(*fresh, *seconds) : *seconds;
  }
  return fresh;
}

}  // namespace fsubs
