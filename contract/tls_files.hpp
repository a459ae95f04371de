// What the launcher hands the worker for TLS: the contents of the
// files that the settings name. The worker has no way to the data directory, where they are by
// default.
//
// For each file a header and its bytes, in the order of TlsFile. What follows is of no meaning.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace fsubs {

enum class TlsFile : size_t { kCertificates, kKey, kClientCa };
inline constexpr size_t kTlsFiles = 3;

// A larger file is none of these.
inline constexpr size_t kMaxTlsFile = size_t{1} << 20;

struct TlsFileHeader {
  uint32_t failed;  // 0, or the bytes say why there are none
  uint32_t length;
};

struct TlsFileContent {
  bool failed = false;
  std::string_view bytes;  // empty: no such file is named
};

// Returns false if `bytes` are something else.
inline bool ReadTlsFiles(std::string_view bytes, std::array<TlsFileContent, kTlsFiles>* files) {
  for (TlsFileContent& file : *files) {
    TlsFileHeader header;
    if (bytes.size() < sizeof(header)) return false;
    std::memcpy(&header, bytes.data(), sizeof(header));
    bytes.remove_prefix(sizeof(header));
    if (header.length > bytes.size()) return false;
    file = {header.failed != 0, bytes.substr(0, header.length)};
    bytes.remove_prefix(header.length);
  }
  return true;
}

}  // namespace fsubs
