// What of the file system the process may still see, and whom it may signal (Landlock, Linux 5.13
// and later; docs/security.md).
#pragma once

#include <string>
#include <vector>

namespace fsubs {

enum class [[nodiscard]] FileAccess{
    kRestricted,
    kUnsupported,  // the kernel has no Landlock, or it is turned off
    kFailed,
};

// From now on the calling thread, and those that it makes, may open nothing but these files and
// what is below these directories, for reading only. Paths that do not exist are skipped. Where the
// kernel knows how, they may not signal other processes or connect anywhere by TCP or by an
// abstract Unix socket either, unless `connects` says so. Files that are open stay so. On kFailed
// `*error` says why. REQUIRES: no other thread runs.
FileAccess RestrictFileAccess(const std::vector<std::string>& readable, bool connects,
                              std::string* error);

}  // namespace fsubs
