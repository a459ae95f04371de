#include "contract/redis_url.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace fsubs {
namespace {

constexpr uint16_t kRedisPort = 6379;
constexpr uint16_t kSentinelPort = 26379;
constexpr uint32_t kMaxDatabase = 1'000'000;
constexpr size_t kMaxAddresses = 64;
constexpr size_t kMaxHost = 253;  // of a DNS name

struct Scheme {
  std::string_view name;
  RedisKind kind;
  bool tls;
};

constexpr Scheme kSchemes[] = {
    {"redis", RedisKind::kSingle, false},
    {"rediss", RedisKind::kSingle, true},
    {"redis+sentinel", RedisKind::kSentinel, false},
    {"rediss+sentinel", RedisKind::kSentinel, true},
    {"redis+cluster", RedisKind::kCluster, false},
    {"rediss+cluster", RedisKind::kCluster, true},
};

constexpr char kForms[] =
    "it begins with redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster:// "
    "or rediss+cluster://";

const Scheme* FindScheme(std::string_view name) {
  const auto* const found = std::ranges::find(kSchemes, name, &Scheme::name);
  return found == std::end(kSchemes) ? nullptr : found;
}

// The part up to the first `end`, which is taken off with it. Nothing, and `*text` as it was, if
// there is no `end`.
std::optional<std::string_view> TakeTo(std::string_view end, std::string_view* text) {
  const size_t at = text->find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view part = text->substr(0, at);
  text->remove_prefix(at + end.size());
  return part;
}

template <typename Number>
bool ReadNumber(std::string_view text, Number max, Number* number) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return problem == std::errc{} && end == text.data() + text.size() && *number <= max;
}

bool Unescape(std::string_view text, std::string* out) {
  out->clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      *out += text[i];
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || problem != std::errc{} || end != digits.data() + 2) return false;
    *out += static_cast<char>(byte);
    i += 2;
  }
  return true;
}

bool IsHostByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

bool ReadAddress(std::string_view text, uint16_t default_port, Address* address) {
  address->port = default_port;
  if (text.starts_with('[')) {
    text.remove_prefix(1);
    const auto host = TakeTo("]", &text);
    if (!host || host->find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos ||
        host->find(':') == std::string_view::npos || (!text.empty() && text[0] != ':')) {
      return false;
    }
    address->host = *host;
  } else {
    const size_t end = std::min(text.find(':'), text.size());
    address->host = text.substr(0, end);
    text.remove_prefix(end);
    if (!std::ranges::all_of(address->host, IsHostByte)) return false;
  }
  if (address->host.empty() || address->host.size() > kMaxHost) return false;
  if (text.empty()) return true;
  return ReadNumber<uint16_t>(text.substr(1), UINT16_MAX, &address->port) && address->port != 0;
}

std::string ReadLogin(std::string_view text, RedisUrl* url) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return "it has a user but no password";
  if (!Unescape(text.substr(0, colon), &url->user) ||
      !Unescape(text.substr(colon + 1), &url->password)) {
    return "a % in its user or password begins no %XX";
  }
  return url->password.empty() ? "its password is empty" : "";
}

std::string ReadParameters(std::string_view text, RedisUrl* url) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    std::string_view value = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto name = TakeTo("=", &value);
    std::string* const to = name == "sentinel_user"       ? &url->sentinel_user
                            : name == "sentinel_password" ? &url->sentinel_password
                                                          : nullptr;
    if (to == nullptr || url->kind != RedisKind::kSentinel) {
      return "it has a parameter that is not known";
    }
    if (!Unescape(value, to)) return "a % in one of its parameters begins no %XX";
  }
  return {};
}

std::string ReadPath(std::string_view text, RedisUrl* url) {
  if (url->kind == RedisKind::kSentinel) {
    const size_t end = std::min(text.find('/'), text.size());
    if (!Unescape(text.substr(0, end), &url->service) || url->service.empty()) {
      return "it does not say by which name the Sentinels know the primary: …/service";
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (text.empty()) return {};
  if (!ReadNumber<uint32_t>(text, kMaxDatabase, &url->database)) {
    return "its database is not a number";
  }
  if (url->kind == RedisKind::kCluster && url->database != 0) {
    return "a cluster has no database but 0";
  }
  return {};
}

}  // namespace

std::string ParseRedisUrl(std::string_view text, RedisUrl* url) {
  RedisUrl read;
  const auto scheme_name = TakeTo("://", &text);
  const Scheme* const scheme = scheme_name ? FindScheme(*scheme_name) : nullptr;
  if (scheme == nullptr) return kForms;
  read.kind = scheme->kind;
  read.tls = scheme->tls;

  std::string_view parameters;
  if (const size_t question = text.find('?'); question != std::string_view::npos) {
    parameters = text.substr(question + 1);
    text = text.substr(0, question);
  }
  // A password may hold a "/" and an "@" that are not escaped, but a host neither.
  std::string error;
  if (const size_t at = text.rfind('@'); at != std::string_view::npos) {
    error = ReadLogin(text.substr(0, at), &read);
    text.remove_prefix(at + 1);
  }
  if (!error.empty()) return error;
  const size_t slash = std::min(text.find('/'), text.size());
  std::string_view hosts = text.substr(0, slash);
  const std::string_view path = text.substr(std::min(slash + 1, text.size()));

  const uint16_t port = read.kind == RedisKind::kSentinel ? kSentinelPort : kRedisPort;
  for (bool more = true; more;) {
    const auto part = TakeTo(",", &hosts);
    more = part.has_value();
    Address address;
    if (!ReadAddress(part.value_or(hosts), port, &address)) return "its host or port is not valid";
    read.addresses.push_back(std::move(address));
  }
  if (read.kind == RedisKind::kSingle && read.addresses.size() > 1) {
    return "it has several hosts, which only redis+sentinel:// and redis+cluster:// take";
  }
  if (read.addresses.size() > kMaxAddresses) return "it has too many hosts";
  error = ReadPath(path, &read);
  if (error.empty()) error = ReadParameters(parameters, &read);
  if (error.empty()) *url = std::move(read);
  return error;
}

std::string RedisUrl::DisplayName() const {
  std::string name(std::ranges::find_if(kSchemes, [&](const Scheme& scheme) {
                     return scheme.kind == kind && scheme.tls == tls;
                   })->name);
  name += "://";
  for (const Address& address : addresses) {
    if (&address != addresses.data()) name += ',';
    name += ToString(address);
  }
  if (!service.empty()) name += "/" + service;
  if (kind != RedisKind::kCluster) name += "/" + std::to_string(database);
  return name;
}

}  // namespace fsubs
