#include "src/worker_process/tls_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

#include "contract/key_file.hpp"
#include "contract/tls_files.hpp"
#include "src/base/guc.hpp"

namespace fsubs {
namespace {

enum class Secret { kNo, kYes };

void Append(StringInfo out, bool failed, std::string_view bytes) {
  const TlsFileHeader header{failed, static_cast<uint32_t>(bytes.size())};
  appendBinaryStringInfo(out, reinterpret_cast<const char*>(&header), sizeof(header));
  appendBinaryStringInfo(out, bytes.data(), static_cast<int>(bytes.size()));
}

// Returns null and appends the file, or what is wrong.
const char* Read(int fd, Secret secret, StringInfo out) {
  struct stat file {};
  if (fstat(fd, &file) != 0) return strerror(errno);
  if (!S_ISREG(file.st_mode)) return "it is no regular file";
  if (file.st_size > static_cast<off_t>(kMaxTlsFile)) return "it is too large";
  if (secret == Secret::kYes) {
    if (const char* const problem = ProblemOfKey(file)) return problem;
  }
  char* const bytes = static_cast<char*>(palloc(kMaxTlsFile));
  size_t length = 0;
  ssize_t more;
  while (length < kMaxTlsFile && (more = read(fd, bytes + length, kMaxTlsFile - length)) != 0) {
    if (more > 0) {
      length += static_cast<size_t>(more);
    } else if (errno != EINTR) {
      return strerror(errno);
    }
  }
  if (length == 0) return "it is empty";
  Append(out, false, {bytes, length});
  pfree(bytes);
  return nullptr;
}

void WriteFile(const char* setting, const char* path, Secret secret, StringInfo out) {
  if (*path == '\0') {
    Append(out, false, {});
    return;
  }
  // The data directory is where the server's processes are. What is no file must not make it wait.
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  const char* const problem = fd < 0 ? strerror(errno) : Read(fd, secret, out);
  if (fd >= 0) close(fd);
  if (problem == nullptr) return;
  Append(out, true, psprintf("fraiseql_subs.%s, file \"%s\": %s", setting, path, problem));
}

}  // namespace

void WriteTlsFiles(StringInfo out) {
  WriteFile("ssl_cert_file", settings::ssl ? settings::ssl_cert_file : "", Secret::kNo, out);
  WriteFile("ssl_key_file", settings::ssl ? settings::ssl_key_file : "", Secret::kYes, out);
  WriteFile("ssl_ca_file", settings::ssl ? settings::ssl_ca_file : "", Secret::kNo, out);
}

}  // namespace fsubs
