#include "worker/tls_setup.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "contract/tls_files.hpp"
#include "worker/base/log.hpp"
#include "worker/base/read_file.hpp"

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

using TlsTexts = std::array<std::string, kTlsFiles>;

// What PostgreSQL's launcher has read.
bool TakePassed(int fd, TlsTexts* texts, std::string* error) {
  const std::string bytes = ReadAll(fd);
  std::array<TlsFileContent, kTlsFiles> files;
  if (!ReadTlsFiles(bytes, &files)) {
    *error = "no certificate was passed: PostgreSQL's launcher does when it starts this program";
    return false;
  }
  for (size_t i = 0; i < kTlsFiles; ++i) {
    if (files[i].failed) {
      *error = files[i].bytes;
      return false;
    }
    (*texts)[i] = files[i].bytes;
  }
  return true;
}

// As PostgreSQL asks of its own key: that of another user must be nobody's but root's.
const char* ProblemOfKey(const struct stat& file) {
  if (file.st_uid != geteuid() && file.st_uid != 0) {
    return "it is owned neither by this program's user nor by root";
  }
  const mode_t refused = file.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
  if ((file.st_mode & refused) == 0) return nullptr;
  return "others may read or change it; chmod it to 0600, or to 0640 where root owns it";
}

bool ReadNamed(const Options& options, TlsTexts* texts, std::string* error) {
  struct Named {
    TlsFile file;
    const char* setting;
    const std::string& path;
    const char* (*problem_of)(const struct stat&);
  };
  const Named all[] = {
      {TlsFile::kCertificates, "ssl_cert_file", options.ssl_cert_file, nullptr},
      {TlsFile::kKey, "ssl_key_file", options.ssl_key_file, ProblemOfKey},
      {TlsFile::kClientCa, "ssl_ca_file", options.ssl_ca_file, nullptr},
  };
  for (const Named& named : all) {
    if (named.path.empty()) continue;
    std::string problem;
    auto text = ReadFile(named.path, kMaxTlsFile, &problem, named.problem_of);
    if (!text) {
      *error = std::string(named.setting) + ", file \"" + named.path + "\": " + problem;
      return false;
    }
    (*texts)[static_cast<size_t>(named.file)] = std::move(*text);
  }
  return true;
}

}  // namespace

std::shared_ptr<const TlsContext> MakeTls(const Options& options, std::string* error) {
  TlsTexts texts;
  const bool is_read = !options.is_node() ? TakePassed(options.tls_fd, &texts, error)
                                          : ReadNamed(options, &texts, error);
  if (!is_read) return nullptr;
  const auto text = [&](TlsFile file) { return texts[static_cast<size_t>(file)]; };
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
