#include "contract/allowed_origins.hpp"

#include <algorithm>
#include <cstddef>

namespace fsubs {
namespace {

constexpr std::string_view kBehindScheme = "://";
constexpr std::string_view kBelow = "*.";

bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool AreDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
}

// A number as it is written shortest, up to `max`.
bool IsNumber(std::string_view text, int max) {
  if (!AreDigits(text) || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return false;
  int number = 0;
  for (const char digit : text) number = number * 10 + (digit - '0');
  return number <= max;
}

// What stands before the first `separator`, which leaves `*text` with it.
std::string_view Take(std::string_view* text, char separator) {
  const size_t end = std::min(text->find(separator), text->size());
  const std::string_view taken = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return taken;
}

std::string_view TakeEntry(std::string_view* list) {
  const std::string_view item = Take(list, ',');
  const size_t first = std::min(item.find_first_not_of(' '), item.size());
  return item.substr(first, item.find_last_not_of(' ') + 1 - first);
}

template <typename Matches>
bool AnyEntry(std::string_view list, Matches matches) {
  while (!list.empty()) {
    if (matches(TakeEntry(&list))) return true;
  }
  return false;
}

// Of an entry, unchecked. The port begins with its colon.
struct Parts {
  std::string_view scheme;
  std::string_view host;
  std::string_view port;
};

Parts Split(std::string_view entry) {
  Parts parts;
  const size_t scheme = std::min(entry.find(kBehindScheme), entry.size());
  parts.scheme = entry.substr(0, scheme);
  entry.remove_prefix(std::min(scheme + kBehindScheme.size(), entry.size()));
  const size_t address = entry.starts_with('[') ? entry.find(']') : 0;
  const size_t colon = std::min(entry.find(':', std::min(address, entry.size())), entry.size());
  parts.host = entry.substr(0, colon);
  parts.port = entry.substr(colon);
  return parts;
}

bool IsScheme(std::string_view text) {
  return !text.empty() && IsLower(text[0]) && std::all_of(text.begin(), text.end(), [](char c) {
    return IsLower(c) || IsDigit(c) || c == '+' || c == '-' || c == '.';
  });
}

bool IsHostName(std::string_view text) {
  bool in_label = false;
  for (const char c : text) {
    if (c == '.' ? !in_label : !(IsLower(c) || IsDigit(c) || c == '-' || c == '_')) return false;
    in_label = c != '.';
  }
  return in_label;
}

// Browsers take a name whose last label is a number for an IPv4 address.
bool EndsInNumber(std::string_view name) {
  return AreDigits(name.substr(name.rfind('.') + 1));
}

bool IsIpv4(std::string_view text) {
  if (std::count(text.begin(), text.end(), '.') != 3) return false;
  while (!text.empty()) {
    if (!IsNumber(Take(&text, '.'), 255)) return false;
  }
  return true;
}

bool IsIpv6(std::string_view text) {
  return text.size() > 2 && text.ends_with(']') && text.find(':') != std::string_view::npos &&
         text.substr(1, text.size() - 2).find_first_not_of("0123456789abcdef:") ==
             std::string_view::npos;
}

bool IsHost(std::string_view host) {
  if (host.starts_with('[')) return IsIpv6(host);
  if (host.starts_with(kBelow)) {
    host.remove_prefix(kBelow.size());
    return IsHostName(host) && !EndsInNumber(host);
  }
  return EndsInNumber(host) ? IsIpv4(host) : IsHostName(host);
}

// Whether `name` is `host`, or below it where that begins with a star.
bool Covers(std::string_view host, std::string_view name) {
  if (!host.starts_with(kBelow)) return host == name;
  host.remove_prefix(1);
  return name.ends_with(host) && IsHostName(name.substr(0, name.size() - host.size()));
}

std::optional<OriginProblem> ProblemOf(std::string_view entry) {
  const auto problem = [&](const char* detail, const char* hint) {
    return OriginProblem{entry, detail, hint};
  };
  const auto has = [&](auto is) { return std::any_of(entry.begin(), entry.end(), is); };
  if (entry == "*") return std::nullopt;
  if (entry.empty()) return problem("is no origin", "Leave out the comma.");
  if (entry == "null") {
    return problem("is the origin of local files and of anybody's sandboxed pages",
                   "Only \"*\" allows them.");
  }
  if (has([](char c) { return c == ' '; })) {
    return problem("has a space", "Separate origins by commas.");
  }
  if (has([](char c) { return c < ' ' || c > '~'; })) {
    return problem(
        "has a character that is not of ASCII, or a control character",
        "Write the host as browsers send it, such as \"https://xn--bcher-kva.example\".");
  }
  if (has([](char c) { return c >= 'A' && c <= 'Z'; })) {
    return problem("has upper-case letters", "Browsers send origins in lower case.");
  }
  if (entry.find(kBehindScheme) == std::string_view::npos) {
    return problem("has no scheme", "Write \"https://\" or \"http://\" in front of the host.");
  }
  const Parts parts = Split(entry);
  if (!IsScheme(parts.scheme) || parts.scheme == "ws" || parts.scheme == "wss") {
    return problem("does not begin with the scheme of a page",
                   "Write where the page comes from, not what it connects to: \"https://\" or "
                   "\"http://\" and a host.");
  }
  const std::string_view authority = entry.substr(parts.scheme.size() + kBehindScheme.size());
  if (authority.find_first_of("/?#") != std::string_view::npos) {
    return problem("goes on behind the host",
                   "Leave out the path, also if it is no more than a slash.");
  }
  if (authority.find('@') != std::string_view::npos) {
    return problem("names a user", "Leave out what stands before the host.");
  }
  if (!parts.port.empty() && (!IsNumber(parts.port.substr(1), 65535) || parts.port == ":0")) {
    return problem("has a port that is no number from 1 to 65535",
                   "An origin without a port has the default port of its scheme.");
  }
  if ((parts.scheme == "https" && parts.port == ":443") ||
      (parts.scheme == "http" && parts.port == ":80")) {
    return problem("has the default port of its scheme", "Browsers leave it out: do so, too.");
  }
  if (!IsHost(parts.host)) {
    return problem(
        "does not have the host of a page",
        "Write a name, an IP address, or \"*.\" and a name for all that are below it; \"*\" "
        "alone is every page.");
  }
  return std::nullopt;
}

}  // namespace

std::optional<OriginProblem> FindOriginProblem(std::string_view allowed) {
  bool more = !allowed.empty();
  while (more) {
    // A comma at the end has an entry behind it as well.
    more = allowed.find(',') != std::string_view::npos;
    if (const auto problem = ProblemOf(TakeEntry(&allowed))) return problem;
  }
  return std::nullopt;
}

bool AllowsEveryPage(std::string_view allowed) {
  return AnyEntry(allowed, [](std::string_view entry) { return entry == "*"; });
}

bool ListsOrigin(std::string_view allowed, std::string_view origin) {
  const Parts page = Split(origin);
  return AnyEntry(allowed, [&](std::string_view entry) {
    const Parts parts = Split(entry);
    return parts.scheme == page.scheme && parts.port == page.port && !parts.host.empty() &&
           Covers(parts.host, page.host);
  });
}

bool ListsHost(std::string_view allowed, std::string_view host) {
  return AnyEntry(allowed, [&](std::string_view entry) {
    const Parts parts = Split(entry);
    return !parts.host.empty() && Covers(parts.host, host);
  });
}

}  // namespace fsubs
