// Memory that the server shares with the worker program by a descriptor.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

struct MemoryFile {
  int fd = -1;  // close-on-exec
  void* memory = nullptr;
  size_t bytes = 0;
};

enum class Others { kRead, kReadAndWrite };

// Make a file of `bytes` zeros, all of which is in memory, and map it for reading and writing.
// Whoever gets its descriptor can do with the bytes what `others` says; nobody can resize it, which
// would end every process that has it mapped, nor add seals, which would shut out the next worker.
// Raises FATAL if that fails; `memory_hint` is its hint where there is not enough memory.
//
// REQUIRES, once another program has the descriptor: the server uses the file through `memory`
// alone. Whoever writes to a file holds its lock while the kernel copies from memory of the
// writer's choice, which may be for ever.
MemoryFile MakeMemoryFile(const char* name, size_t bytes, Others others,
                          const char* memory_hint = nullptr);

// Unmap and close. Does nothing if `*file` was never made.
void CloseMemoryFile(MemoryFile* file);

}  // namespace fsubs
