#include "worker/client/origin.hpp"

#include <algorithm>

namespace fsubs {
namespace {

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char left, char right) { return Lower(left) == Lower(right); });
}

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

}  // namespace

bool OriginAllowed(std::string_view allowed, std::string_view origin, std::string_view host) {
  if (origin.empty()) return true;
  const size_t authority = origin.find("://");
  if (authority != std::string_view::npos && !host.empty() &&
      EqualIgnoringCase(origin.substr(authority + 3), host)) {
    return true;
  }
  while (!allowed.empty()) {
    const size_t comma = std::min(allowed.find(','), allowed.size());
    const std::string_view one = Trim(allowed.substr(0, comma));
    if (one == "*" || (!one.empty() && EqualIgnoringCase(one, origin))) return true;
    allowed.remove_prefix(std::min(comma + 1, allowed.size()));
  }
  return false;
}

}  // namespace fsubs
