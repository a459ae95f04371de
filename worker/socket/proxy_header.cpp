#include "worker/socket/proxy_header.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

namespace fsubs {
namespace {

constexpr std::string_view kTextBegin = "PROXY ";
constexpr std::string_view kLineEnd = "\r\n";
constexpr size_t kMaxText = 107;

constexpr std::string_view kBinaryBegin("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kBinaryHead = 16;
// Of a connection over IPv4, IPv6 and a Unix socket, each for a stream.
constexpr uint8_t kUnspecified = 0x00;
constexpr uint8_t kTcp4 = 0x11;
constexpr uint8_t kTcp6 = 0x21;
constexpr uint8_t kUnixStream = 0x31;
constexpr size_t kTcp4Bytes = 2 * 4 + 2 * 2;
constexpr size_t kTcp6Bytes = 2 * 16 + 2 * 2;
constexpr size_t kUnixBytes = 2 * 108;

constexpr ProxyHeader kIncomplete{.state = ProxyHeader::State::kIncomplete};
constexpr ProxyHeader kMalformed{.state = ProxyHeader::State::kMalformed};

ProxyHeader Complete(size_t length) {
  return {.state = ProxyHeader::State::kComplete, .length = length};
}

// What stands before the next space, which leaves `*text` with it.
std::string_view TakeWord(std::string_view* text) {
  const size_t end = std::min(text->find(' '), text->size());
  const std::string_view word = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return word;
}

// As it is written shortest.
std::optional<in_port_t> ReadPort(std::string_view text) {
  uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [read_to, error] = std::from_chars(text.data(), end, port);
  const bool is_shortest = text.size() == 1 || !text.starts_with('0');
  if (error != std::errc() || read_to != end || !is_shortest) return std::nullopt;
  return htons(port);
}

std::optional<sockaddr_storage> ReadAddress(sa_family_t family, std::string_view address,
                                            in_port_t port) {
  sockaddr_storage read{};
  // A zero byte would end the text before its end.
  if (address.find('\0') != std::string_view::npos) return std::nullopt;
  read.ss_family = family;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&read);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&read);
  (family == AF_INET ? v4->sin_port : v6->sin6_port) = port;
  void* const to = family == AF_INET ? static_cast<void*>(&v4->sin_addr) : &v6->sin6_addr;
  if (inet_pton(family, std::string(address).c_str(), to) != 1) return std::nullopt;
  return read;
}

// "PROXY TCP4 192.0.2.1 192.0.2.2 50000 4000"
ProxyHeader ParseText(std::string_view bytes) {
  const size_t end = bytes.substr(0, kMaxText).find(kLineEnd);
  if (end == std::string_view::npos) return bytes.size() < kMaxText ? kIncomplete : kMalformed;
  std::string_view line = bytes.substr(kTextBegin.size(), end - kTextBegin.size());
  ProxyHeader header = Complete(end + kLineEnd.size());
  const std::string_view kind = TakeWord(&line);
  // Whatever follows has no meaning.
  if (kind == "UNKNOWN") return header;
  if ((kind != "TCP4" && kind != "TCP6") || line.ends_with(' ')) return kMalformed;
  const sa_family_t family = kind == "TCP4" ? AF_INET : AF_INET6;
  const std::string_view source = TakeWord(&line);
  const std::string_view destination = TakeWord(&line);
  const auto source_port = ReadPort(TakeWord(&line));
  const auto destination_port = ReadPort(TakeWord(&line));
  if (!source_port || !destination_port || !line.empty()) return kMalformed;
  header.client = ReadAddress(family, source, *source_port);
  if (!header.client || !ReadAddress(family, destination, *destination_port)) return kMalformed;
  return header;
}

// The source's address, then the destination's, then their ports.
sockaddr_storage ClientOf(uint8_t kind, std::string_view addresses) {
  sockaddr_storage client{};
  if (kind == kTcp4) {
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&client);
    v4->sin_family = AF_INET;
    std::memcpy(&v4->sin_addr, addresses.data(), sizeof(v4->sin_addr));
    std::memcpy(&v4->sin_port, addresses.data() + 2 * sizeof(v4->sin_addr), sizeof(v4->sin_port));
  } else {
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&client);
    v6->sin6_family = AF_INET6;
    std::memcpy(&v6->sin6_addr, addresses.data(), sizeof(v6->sin6_addr));
    std::memcpy(&v6->sin6_port, addresses.data() + 2 * sizeof(v6->sin6_addr),
                sizeof(v6->sin6_port));
  }
  return client;
}

ProxyHeader ParseBinary(std::string_view bytes) {
  if (bytes.size() < kBinaryHead) return kIncomplete;
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t version = at(12) >> 4;
  const uint8_t command = at(12) & 0xF;
  const uint8_t kind = at(13);
  const size_t body = size_t{at(14)} << 8 | at(15);
  const bool is_local = command == 0;
  if (version != 2 || command > 1 || kBinaryHead + body > kMaxProxyHeader) return kMalformed;
  const size_t least = kind == kTcp4         ? kTcp4Bytes
                       : kind == kTcp6       ? kTcp6Bytes
                       : kind == kUnixStream ? kUnixBytes
                                             : 0;
  if (!is_local && ((least == 0 && kind != kUnspecified) || body < least)) return kMalformed;
  if (bytes.size() < kBinaryHead + body) return kIncomplete;
  ProxyHeader header = Complete(kBinaryHead + body);
  if (!is_local && (kind == kTcp4 || kind == kTcp6)) {
    header.client = ClientOf(kind, bytes.substr(kBinaryHead, body));
  }
  return header;
}

// Whether the two are equal as far as both go.
bool Agree(std::string_view bytes, std::string_view begin) {
  const size_t length = std::min(bytes.size(), begin.size());
  return bytes.substr(0, length) == begin.substr(0, length);
}

}  // namespace

ProxyHeader ParseProxyHeader(std::string_view bytes) {
  const bool is_text = Agree(bytes, kTextBegin);
  if (!is_text && !Agree(bytes, kBinaryBegin)) return kMalformed;
  const size_t begin = is_text ? kTextBegin.size() : kBinaryBegin.size();
  if (bytes.size() < begin) return kIncomplete;
  return is_text ? ParseText(bytes) : ParseBinary(bytes);
}

}  // namespace fsubs
