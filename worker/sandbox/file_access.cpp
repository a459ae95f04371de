#include "worker/sandbox/file_access.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fsubs {
namespace {

// What headers of the oldest kernel that is built on do not have. A kernel that knows less of the
// attributes is given less of them.
struct RulesetAttributes {
  uint64_t files;
  uint64_t network;  // version 4
  uint64_t scopes;   // version 6
};

constexpr uint64_t kTruncate = 1 << 14;     // version 3
constexpr uint64_t kDeviceIoctl = 1 << 15;  // version 5
constexpr uint64_t kConnectTcp = 1 << 1;
constexpr uint64_t kScopeAbstractSockets = 1 << 0;
constexpr uint64_t kScopeSignals = 1 << 1;

constexpr uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr uint64_t kReadDirectory = LANDLOCK_ACCESS_FS_READ_DIR;

// All that version 1 can take away: bits 0 to 12.
constexpr uint64_t kAllOfVersion1 = (1 << 13) - 1;

size_t SizeFor(long version) {
  if (version >= 6) return sizeof(RulesetAttributes);
  return version >= 4 ? offsetof(RulesetAttributes, scopes) : offsetof(RulesetAttributes, network);
}

RulesetAttributes AttributesFor(long version, bool connects) {
  RulesetAttributes attributes{};
  attributes.files = kAllOfVersion1;
  if (version >= 2) attributes.files |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) attributes.files |= kTruncate;
  if (version >= 5) attributes.files |= kDeviceIoctl;
  attributes.network = connects ? 0 : kConnectTcp;
  attributes.scopes = kScopeAbstractSockets | kScopeSignals;
  return attributes;
}

// Returns whether there is nothing wrong.
bool Allow(int ruleset, const std::string& path) {
  const int fd = open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
  struct stat about;
  bool allowed = fstat(fd, &about) == 0;
  if (allowed) {
    landlock_path_beneath_attr rule{};
    rule.allowed_access = S_ISDIR(about.st_mode) ? kReadFile | kReadDirectory : kReadFile;
    rule.parent_fd = fd;
    allowed = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
  }
  const int failure = errno;
  close(fd);
  errno = failure;
  return allowed;
}

}  // namespace

FileAccess RestrictFileAccess(const std::vector<std::string>& readable, bool connects,
                              std::string* error) {
  const auto fail = [&](const std::string& what) {
    *error = what + ": " + std::strerror(errno);
    return FileAccess::kFailed;
  };
  const long version =
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  // A container may forbid the call itself.
  if (version < 1) return FileAccess::kUnsupported;
  const RulesetAttributes attributes = AttributesFor(version, connects);
  const int ruleset =
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, SizeFor(version), 0));
  if (ruleset < 0) return fail("landlock_create_ruleset");
  for (const std::string& path : readable) {
    if (!Allow(ruleset, path)) {
      const FileAccess failed = fail("landlock_add_rule for \"" + path + "\"");
      close(ruleset);
      return failed;
    }
  }
  const bool restricted = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                          syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  const FileAccess result = restricted ? FileAccess::kRestricted : fail("landlock_restrict_self");
  close(ruleset);
  return result;
}

}  // namespace fsubs
