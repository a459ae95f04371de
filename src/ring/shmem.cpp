#include "src/ring/shmem.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "contract/ring_writer.hpp"
#include "src/base/guc.hpp"
#include "src/ring/commit_order.hpp"

// Debian 12's <fcntl.h> has it; older ones do not.
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace fsubs {
namespace {

constexpr char kLockTranche[] = "fraiseql_subs";

shmem_request_hook_type previous_request_hook;
shmem_startup_hook_type previous_startup_hook;
SharedRing shared;  // zero: not made
uint64_t last_epoch;

[[noreturn]] void FailStart(const char* step) {
  ereport(FATAL,
          (errcode(ERRCODE_SYSTEM_ERROR), errmsg("could not %s for fraiseql_subs: %m", step)));
  pg_unreachable();
}

void* MapMemoryFile(const char* name, size_t bytes, int* fd) {
  *fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (*fd < 0) FailStart("create a memory file");
  if (ftruncate(*fd, static_cast<off_t>(bytes)) != 0) FailStart("size a memory file");
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
  if (memory == MAP_FAILED) FailStart("map a memory file");
  return memory;
}

// The server's own mapping stays writable; every later one is read-only.
void SealAgainstWriting(int fd) {
  constexpr int kSeals = F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  if (fcntl(fd, F_ADD_SEALS, kSeals) == 0) return;
  ereport(FATAL, (errcode(ERRCODE_SYSTEM_ERROR),
                  errmsg("could not seal the event ring of fraiseql_subs: %m"),
                  errhint("fraiseql_subs needs Linux 5.1 or later.")));
}

void CloseRing() {
  if (shared.ring == nullptr) return;
  munmap(shared.ring, shared.ring_bytes);
  munmap(shared.reader_page, sizeof(ReaderPage));
  close(shared.ring_fd);
  close(shared.reader_page_fd);
  for (int i = 0; i < shared.shards; ++i) close(shared.wake_fds[i]);
  shared = SharedRing{};
}

// A clock set back must not bring an epoch twice within one postmaster's life.
uint64_t NextEpoch() {
  const uint64_t now = static_cast<uint64_t>(ToUnixMicroseconds(GetCurrentTimestamp()));
  last_epoch = now > last_epoch ? now : last_epoch + 1;
  return last_epoch;
}

void MakeRing() {
  const uint64_t capacity = uint64_t{1024} * settings::ring_size_kb;
  shared.ring_bytes = kRingHeaderSize + capacity;
  shared.ring = static_cast<RingHeader*>(
      MapMemoryFile("fraiseql_subs ring", shared.ring_bytes, &shared.ring_fd));
  SealAgainstWriting(shared.ring_fd);
  InitRing(shared.ring, capacity, NextEpoch());
  shared.reader_page = static_cast<ReaderPage*>(
      MapMemoryFile("fraiseql_subs reader page", sizeof(ReaderPage), &shared.reader_page_fd));
  shared.shards = settings::worker_threads;
  for (int i = 0; i < shared.shards; ++i) {
    shared.wake_fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (shared.wake_fds[i] < 0) FailStart("create an eventfd");
  }
}

void RequestSharedMemory() {
  if (previous_request_hook != nullptr) previous_request_hook();
  RequestAddinShmemSpace(CommitOrderSize());
  RequestNamedLWLockTranche(kLockTranche, 1);
}

void StartSharedMemory() {
  if (previous_startup_hook != nullptr) previous_startup_hook();
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  bool found;
  InitCommitOrder(ShmemInitStruct("fraiseql_subs commit order", CommitOrderSize(), &found));
  LWLockRelease(AddinShmemInitLock);
  CloseRing();
  MakeRing();
  shared.lock = &GetNamedLWLockTranche(kLockTranche)->lock;
}

}  // namespace

void RegisterSharedMemory() {
  previous_request_hook = shmem_request_hook;
  shmem_request_hook = RequestSharedMemory;
  previous_startup_hook = shmem_startup_hook;
  shmem_startup_hook = StartSharedMemory;
}

const SharedRing& GetSharedRing() {
  return shared;
}

void RequirePreloaded() {
  if (likely(shared.ring != nullptr)) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("fraiseql_subs is not preloaded"),
                  errhint("Add this line to postgresql.conf and restart the server: "
                          "shared_preload_libraries = 'fraiseql_subs'")));
}

void RequireServing() {
  // A database cannot be renamed, nor the setting changed, while a session is connected.
  static bool serving = false;
  if (likely(serving)) return;
  RequirePreloaded();
  const char* const database = get_database_name(MyDatabaseId);
  if (strcmp(database, settings::database) != 0) {
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("fraiseql_subs does not serve the database \"%s\"", database),
             errdetail("The setting fraiseql_subs.database is \"%s\".", settings::database),
             errhint("Connect to that database, or change the setting in postgresql.conf and "
                     "restart the server.")));
  }
  serving = true;
}

}  // namespace fsubs
