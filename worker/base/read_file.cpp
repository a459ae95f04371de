#include "worker/base/read_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace fsubs {
namespace {

// Returns null, or what is wrong.
const char* ReadAll(int fd, size_t most, const char* (*problem_of)(const struct stat&),
                    std::string* bytes) {
  struct stat file {};
  if (fstat(fd, &file) != 0) return std::strerror(errno);
  if (!S_ISREG(file.st_mode)) return "it is no regular file";
  if (problem_of != nullptr) {
    if (const char* const problem = problem_of(file)) return problem;
  }
  // It may grow while it is read.
  bytes->resize(most + 1);
  size_t length = 0;
  while (length < bytes->size()) {
    const ssize_t more = read(fd, bytes->data() + length, bytes->size() - length);
    if (more == 0) break;
    if (more > 0) {
      length += static_cast<size_t>(more);
    } else if (errno != EINTR) {
      return std::strerror(errno);
    }
  }
  if (length > most) return "it is too large";
  bytes->resize(length);
  bytes->shrink_to_fit();
  return nullptr;
}

}  // namespace

std::optional<std::string> ReadFile(const std::string& path, size_t most, std::string* error,
                                    const char* (*problem_of)(const struct stat&)) {
  // What is no file must not make the caller wait.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  std::string bytes;
  const char* const problem = fd < 0 ? std::strerror(errno) : ReadAll(fd, most, problem_of, &bytes);
  if (fd >= 0) close(fd);
  if (problem == nullptr) return bytes;
  *error = problem;
  return std::nullopt;
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace fsubs
