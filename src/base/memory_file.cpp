#include "src/base/memory_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

// Debian 12's <fcntl.h> has it; older ones do not.
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace fsubs {
namespace {

[[noreturn]] void Fail(const char* step, const char* name) {
  ereport(FATAL, (errcode(ERRCODE_SYSTEM_ERROR),
                  errmsg("could not %s the memory file \"%s\": %m", step, name)));
  pg_unreachable();
}

}  // namespace

MemoryFile MakeMemoryFile(const char* name, size_t bytes, Others others) {
  MemoryFile file;
  file.bytes = bytes;
  file.fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file.fd < 0) Fail("create", name);
  if (ftruncate(file.fd, static_cast<off_t>(bytes)) != 0) Fail("size", name);
  file.memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0);
  if (file.memory == MAP_FAILED) Fail("map", name);
  // The mapping above stays writable.
  const int write_seal = others == Others::kRead ? F_SEAL_FUTURE_WRITE : 0;
  if (fcntl(file.fd, F_ADD_SEALS, write_seal | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    ereport(FATAL, (errcode(ERRCODE_SYSTEM_ERROR),
                    errmsg("could not seal the memory file \"%s\": %m", name),
                    errhint("fraiseql_subs needs Linux 5.11 or later.")));
  }
  return file;
}

void CloseMemoryFile(MemoryFile* file) {
  if (file->memory == nullptr) return;
  munmap(file->memory, file->bytes);
  close(file->fd);
  *file = MemoryFile{};
}

}  // namespace fsubs
