// The value of `proxy_protocol_from`: addresses, networks such as "10.1.0.0/16", and "unix" for the
// Unix socket, separated by commas, spaces or both.
//
// What an address is, the system says to each side (inet_pton).
#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace fsubs {

inline constexpr std::string_view kUnixProxy = "unix";

// What stands first in `*list`, which loses it; empty at the end.
inline std::string_view TakeProxy(std::string_view* list) {
  constexpr std::string_view kBetween = ", ";
  list->remove_prefix(std::min(list->find_first_not_of(kBetween), list->size()));
  const size_t end = std::min(list->find_first_of(kBetween), list->size());
  const std::string_view entry = list->substr(0, end);
  list->remove_prefix(end);
  return entry;
}

inline std::string_view AddressOfProxy(std::string_view entry) {
  return entry.substr(0, entry.find('/'));
}

// How many of its address's bits a network has in common: all of them where it does not say. None
// if that is no number up to `all`.
inline std::optional<int> BitsOfProxy(std::string_view entry, int all) {
  const size_t slash = entry.find('/');
  if (slash == std::string_view::npos) return all;
  const std::string_view text = entry.substr(slash + 1);
  int bits = 0;
  const auto [read_to, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  const bool is_whole = error == std::errc() && read_to == text.data() + text.size();
  if (!is_whole || bits < 0 || bits > all || (text.size() > 1 && text[0] == '0')) {
    return std::nullopt;
  }
  return bits;
}

}  // namespace fsubs
