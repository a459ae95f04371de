#include "src/ring/shmem.hpp"

#include "contract/ring_writer.hpp"
#include "src/base/guc.hpp"
#include "src/ring/commit_order.hpp"
#include "src/ring/ring_room.hpp"

namespace fsubs {
namespace {

constexpr char kLockTranche[] = "fraiseql_subs";
constexpr char kPreloadHint[] =
    "Add this line to postgresql.conf and restart the server: "
    "shared_preload_libraries = 'fraiseql_subs'";

shmem_request_hook_type previous_request_hook;
shmem_startup_hook_type previous_startup_hook;
SharedRing shared;  // zero: not made
MemoryFile ring_file;
MemoryFile reader_page_file;
uint64_t last_epoch;
RingPredecessor predecessors[kPredecessors];  // the latest first

void CloseRing() {
  if (shared.ring != nullptr) {
    memmove(predecessors + 1, predecessors, sizeof(predecessors) - sizeof(predecessors[0]));
    predecessors[0] = {shared.ring->epoch, shared.ring->head_sequence.load()};
  }
  CloseMemoryFile(&ring_file);
  CloseMemoryFile(&reader_page_file);
  for (int i = 0; i < shared.shards; ++i) CloseWakeQueue(&shared.wake_queues[i]);
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
  ring_file = MakeMemoryFile("fraiseql_subs ring", kRingHeaderSize + capacity, Others::kRead,
                             "Decrease fraiseql_subs.ring_size.");
  reader_page_file =
      MakeMemoryFile("fraiseql_subs reader page", sizeof(ReaderPage), Others::kReadAndWrite);
  shared.ring = static_cast<RingHeader*>(ring_file.memory);
  shared.reader_page = static_cast<ReaderPage*>(reader_page_file.memory);
  shared.ring_fd = ring_file.fd;
  shared.reader_page_fd = reader_page_file.fd;
  InitRing(shared.ring, capacity, NextEpoch());
  memcpy(shared.ring->predecessors, predecessors, sizeof(predecessors));
  for (; shared.shards < settings::worker_threads; ++shared.shards) {
    if (OpenWakeQueue(&shared.wake_queues[shared.shards])) continue;
    ereport(FATAL, (errcode(ERRCODE_SYSTEM_ERROR),
                    errmsg("could not make a message queue for fraiseql_subs: %m"),
                    errhint("Each of fraiseql_subs.worker_threads needs one; fs.mqueue.queues_max "
                            "and \"ulimit -q\" limit them.")));
  }
}

void RequestSharedMemory() {
  if (previous_request_hook != nullptr) previous_request_hook();
  RequestAddinShmemSpace(CommitOrderSize());
  RequestAddinShmemSpace(RoomQueueSize());
  RequestNamedLWLockTranche(kLockTranche, 1);
}

void StartSharedMemory() {
  if (previous_startup_hook != nullptr) previous_startup_hook();
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  bool found;
  InitCommitOrder(ShmemInitStruct("fraiseql_subs commit order", CommitOrderSize(), &found));
  InitRoomQueue(ShmemInitStruct("fraiseql_subs room queue", RoomQueueSize(), &found));
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
                  errmsg("fraiseql_subs is not preloaded"), errhint("%s", kPreloadHint)));
}

bool IsServing() {
  // A database cannot be renamed, nor the setting changed, while a session is connected.
  static bool serving = false;
  if (likely(serving)) return true;
  if (shared.ring == nullptr) return false;
  serving = strcmp(get_database_name(MyDatabaseId), settings::database) == 0;
  return serving;
}

void ReportElsewhere(int level) {
  if (likely(IsServing())) return;
  if (shared.ring == nullptr) {
    ereport(level, (errmsg("fraiseql_subs is not preloaded"),
                    errdetail("Events that are published here reach nobody."),
                    errhint("%s", kPreloadHint)));
    return;
  }
  ereport(level, (errmsg("fraiseql_subs does not serve the database \"%s\"",
                         get_database_name(MyDatabaseId)),
                  errdetail("Events that are published here reach nobody. The setting "
                            "fraiseql_subs.database is \"%s\".",
                            settings::database),
                  errhint("Connect to that database, or change the setting in postgresql.conf and "
                          "restart the server.")));
}

}  // namespace fsubs
