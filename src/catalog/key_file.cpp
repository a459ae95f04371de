#include "src/catalog/key_file.hpp"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/guc.hpp"

namespace fsubs {
namespace {

constexpr size_t kMaxSize = 256 * 1024;

bool IsBelow(std::string_view path) {
  if (path.empty() || path.front() == '/') return false;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    if (path.substr(0, end) == "..") return false;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return true;
}

// The file's path without links, in `resolved`, if it is below the directory.
bool Resolve(const char* file, char* resolved, const char** problem) {
  char directory[PATH_MAX];
  if (realpath(settings::key_directory, directory) == nullptr) {
    *problem = psprintf("The directory \"%s\" cannot be opened: %m.", settings::key_directory);
    return false;
  }
  const char* const path = psprintf("%s/%s", directory, file);
  if (realpath(path, resolved) == nullptr) {
    *problem = psprintf("The file \"%s\" cannot be opened: %m.", path);
    return false;
  }
  const size_t length = strlen(directory);
  if (strncmp(resolved, directory, length) == 0 && resolved[length] == '/') return true;
  *problem = "It is a link to a file outside of fraiseql_subs.key_directory.";
  return false;
}

// Up to one byte more than may be there. Returns -1 if it cannot be read.
ssize_t ReadAll(int fd, char* buffer) {
  size_t size = 0;
  while (size <= kMaxSize) {
    const ssize_t length = read(fd, buffer + size, kMaxSize + 1 - size);
    if (length == 0) break;
    if (length < 0 && errno != EINTR) return -1;
    if (length > 0) size += static_cast<size_t>(length);
  }
  return static_cast<ssize_t>(size);
}

// As which the database can have it. Other encodings than UTF-8 agree with it on ASCII alone.
bool IsText(const char* bytes, size_t size) {
  if (memchr(bytes, '\0', size) != nullptr) return false;
  const int length = static_cast<int>(size);
  if (GetDatabaseEncoding() == PG_UTF8) return pg_verify_mbstr(PG_UTF8, bytes, length, true);
  return std::none_of(bytes, bytes + size, [](char c) { return IS_HIGHBIT_SET(c); });
}

// A file that could not be read when it was last tried, in TopMemoryContext.
struct BadFile {
  BadFile* next;
  char* file;
  char* problem;
};

BadFile* bad_files = nullptr;

// Whether that is not what was last found of the file. `problem` is empty if there is none.
bool IsNewProblem(const char* file, const char* problem) {
  BadFile** at = &bad_files;
  while (*at != nullptr && strcmp((*at)->file, file) != 0) at = &(*at)->next;
  BadFile* const known = *at;
  if (known != nullptr && strcmp(known->problem, problem) == 0) return false;
  if (known != nullptr) {
    *at = known->next;
    pfree(known->file);
    pfree(known->problem);
    pfree(known);
  }
  if (*problem == '\0') return false;
  auto* const added = static_cast<BadFile*>(MemoryContextAlloc(TopMemoryContext, sizeof(BadFile)));
  *added = {bad_files, MemoryContextStrdup(TopMemoryContext, file),
            MemoryContextStrdup(TopMemoryContext, problem)};
  bad_files = added;
  return true;
}

constexpr char kHint[] =
    "It must be a file of at most 256 kB, below the directory that fraiseql_subs.key_directory "
    "names, that the server's user may read.";

}  // namespace

const char* TryReadKeyFile(const char* file, const char** problem) {
  if (settings::key_directory == nullptr || *settings::key_directory == '\0') {
    *problem = "fraiseql_subs.key_directory is not set.";
    return nullptr;
  }
  if (!IsBelow(file)) {
    *problem = "Its path is not relative, or has a \"..\".";
    return nullptr;
  }
  char resolved[PATH_MAX];
  if (!Resolve(file, resolved, problem)) return nullptr;
  char* const buffer = static_cast<char*>(palloc(kMaxSize + 1));
  // Without waiting, should it be a named pipe.
  const int fd = open(resolved, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  struct stat status {};
  const bool opened = fd >= 0 && fstat(fd, &status) == 0;
  const ssize_t size = opened && S_ISREG(status.st_mode) ? ReadAll(fd, buffer) : -1;
  const int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  if (opened && !S_ISREG(status.st_mode)) {
    *problem = "It is not a regular file.";
  } else if (size < 0) {
    *problem = psprintf("The file \"%s\" cannot be read: %m.", resolved);
  } else if (static_cast<size_t>(size) > kMaxSize) {
    *problem = "It is too large.";
  } else if (!IsText(buffer, static_cast<size_t>(size))) {
    *problem = "It is not text in the database's encoding.";
  } else {
    buffer[size] = '\0';
    return buffer;
  }
  return nullptr;
}

}  // namespace fsubs

FSUBS_FUNCTION(fsubs_read_key_file) {
  using namespace fsubs;
  const char* const file = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const char* problem = nullptr;
  const char* const content = TryReadKeyFile(file, &problem);
  if (content == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("key file \"%s\" cannot be used", file), errdetail("%s", problem),
                    errhint("%s", kHint)));
  }
  PG_RETURN_TEXT_P(cstring_to_text(content));
}

FSUBS_FUNCTION(fsubs_key_file_content) {
  using namespace fsubs;
  const char* const file = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const char* problem = "";
  const char* const content = TryReadKeyFile(file, &problem);
  if (IsNewProblem(file, problem)) {
    ereport(WARNING, (errcode(ERRCODE_CONFIG_FILE_ERROR),
                      errmsg("fraiseql_subs: key file \"%s\" cannot be used: tokens that need its "
                             "keys are refused",
                             file),
                      errdetail("%s", problem), errhint("%s", kHint)));
  }
  if (content == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(content));
}
