#include "worker/filter/network.hpp"

#include <arpa/inet.h>

#include "worker/filter/text_reader.hpp"

namespace fsubs {
namespace {

// Longest texts of addresses; inet_pton's end at INET6_ADDRSTRLEN.
constexpr size_t kMaxMacText = 64;

// Read pairs of hexadecimal digits. A separator may stand between bytes, always the same one; where
// one stands after each byte, a byte may have one digit.
bool ReadMac(std::string_view text, std::string* bytes) {
  text = Trim(text);
  if (text.size() > kMaxMacText) return false;
  const size_t first = text.find_first_of(":-.");
  const char separator = first == std::string_view::npos ? '\0' : text[first];
  const bool single = first != std::string_view::npos && first <= 2;
  while (!text.empty()) {
    const int high = HexValue(text.front());
    if (high < 0) return false;
    const int low = text.size() > 1 ? HexValue(text[1]) : -1;
    if (low < 0 && !single) return false;
    *bytes += static_cast<char>(low < 0 ? high : high * 16 + low);
    text.remove_prefix(low < 0 ? 1 : 2);
    if (text.empty()) break;
    if (text.front() == separator) {
      text.remove_prefix(1);
      if (text.empty()) return false;
    } else if (single) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool AppendInetForm(std::string_view text, std::string* out) {
  text = Trim(text);
  const size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  if (address.size() > INET6_ADDRSTRLEN) return false;
  const bool is_v6 = address.find(':') != std::string_view::npos;
  unsigned char bytes[16];
  if (inet_pton(is_v6 ? AF_INET6 : AF_INET, std::string(address).c_str(), bytes) != 1) return false;
  const size_t size = is_v6 ? 16 : 4;
  int64_t prefix = static_cast<int64_t>(size) * 8;
  if (slash != std::string_view::npos) {
    TextReader reader(text.substr(slash + 1));
    const int64_t longest = prefix;
    if (!reader.Number(1, 3, &prefix) || !reader.done() || prefix > longest) return false;
  }
  // Networks order by the bits they have, then by how many these are, then by the rest.
  *out += is_v6 ? '6' : '4';
  for (size_t i = 0; i < size; ++i) {
    const int64_t kept = prefix - static_cast<int64_t>(i) * 8;
    const int mask = kept >= 8 ? 0xFF : kept <= 0 ? 0 : 0xFF << (8 - kept) & 0xFF;
    *out += static_cast<char>(bytes[i] & mask);
  }
  *out += static_cast<char>(prefix);
  out->append(reinterpret_cast<const char*>(bytes), size);
  return true;
}

bool AppendMacAddrForm(std::string_view text, std::string* out) {
  std::string bytes;
  if (!ReadMac(text, &bytes) || bytes.size() != 6) return false;
  out->append(bytes);
  return true;
}

bool AppendMacAddr8Form(std::string_view text, std::string* out) {
  std::string bytes;
  if (!ReadMac(text, &bytes)) return false;
  if (bytes.size() == 6) bytes.insert(3, "\xFF\xFE");
  if (bytes.size() != 8) return false;
  out->append(bytes);
  return true;
}

}  // namespace fsubs
