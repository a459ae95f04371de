#include "src/base/memory_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>

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

// The kernel tries to find any amount, and ends processes meanwhile.
bool IsMoreThanTheMachineHas(size_t bytes) {
  struct sysinfo machine {};
  return sysinfo(&machine) == 0 && bytes / machine.mem_unit > machine.totalram + machine.totalswap;
}

// Without this, the first write to a page that the machine lacks memory for would end the writer.
bool Reserve(int fd, size_t bytes) {
  if (IsMoreThanTheMachineHas(bytes)) {
    errno = ENOMEM;
    return false;
  }
  // A signal undoes the call that it interrupts.
  constexpr size_t kPart = size_t{64} << 20;
  for (size_t at = 0; at < bytes;) {
    const size_t part = std::min(kPart, bytes - at);
    if (fallocate(fd, 0, static_cast<off_t>(at), static_cast<off_t>(part)) == 0) {
      at += part;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

MemoryFile MakeMemoryFile(const char* name, size_t bytes, Others others, const char* memory_hint) {
  MemoryFile file;
  file.bytes = bytes;
  file.fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file.fd < 0) Fail("create", name);
  if (ftruncate(file.fd, static_cast<off_t>(bytes)) != 0) Fail("size", name);
  if (!Reserve(file.fd, bytes)) {
    ereport(FATAL, (errcode(ERRCODE_OUT_OF_MEMORY),
                    errmsg("could not reserve %zu bytes of memory for the memory file \"%s\": %m",
                           bytes, name),
                    memory_hint != nullptr ? errhint("%s", memory_hint) : 0));
  }
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
