#include "worker/tls_setup.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "contract/tls_files.hpp"
#include "worker/base/log.hpp"

namespace fsubs {
namespace {

std::string ReadAll(int fd) {
  struct stat file {};
  if (fstat(fd, &file) != 0) return {};
  std::string bytes(static_cast<size_t>(file.st_size), '\0');
  size_t length = 0;
  while (length < bytes.size()) {
    const ssize_t more =
        pread(fd, bytes.data() + length, bytes.size() - length, static_cast<off_t>(length));
    if (more > 0) {
      length += static_cast<size_t>(more);
    } else if (more == 0 || errno != EINTR) {
      break;
    }
  }
  bytes.resize(length);
  return bytes;
}

}  // namespace

std::shared_ptr<const TlsContext> MakeTls(const Options& options, std::string* error) {
  const std::string bytes = ReadAll(options.tls_fd);
  std::array<TlsFileContent, kTlsFiles> files;
  if (!ReadTlsFiles(bytes, &files)) {
    *error = "no certificate was passed: PostgreSQL's launcher does when it starts this program";
    return nullptr;
  }
  for (const TlsFileContent& file : files) {
    if (!file.failed) continue;
    *error = file.bytes;
    return nullptr;
  }
  const auto text = [&](TlsFile file) {
    return std::string(files[static_cast<size_t>(file)].bytes);
  };
  auto tls = TlsContext::Make({.certificates = text(TlsFile::kCertificates),
                               .key = text(TlsFile::kKey),
                               .client_ca = text(TlsFile::kClientCa),
                               .ciphers = options.ssl_ciphers,
                               .min_version = options.ssl_min_protocol_version},
                              error);
  if (!tls) return nullptr;
  if (tls->is_expired()) {
    Log(LogLevel::kWarning, "the TLS certificate has expired: it was valid until %s",
        tls->valid_until().c_str());
  } else {
    Log(LogLevel::kLog, "the TLS certificate is valid until %s", tls->valid_until().c_str());
  }
  return tls;
}

}  // namespace fsubs
