#include "src/worker_process/resolver_demand.hpp"

namespace fsubs {
namespace {

struct Demand {
  std::atomic<bool> is_wanted;
  std::atomic<Latch*> launcher;  // of a process of this server, though perhaps another by now
};

shmem_request_hook_type previous_request_hook;
shmem_startup_hook_type previous_startup_hook;
Demand* demand;

void Request() {
  if (previous_request_hook != nullptr) previous_request_hook();
  RequestAddinShmemSpace(sizeof(Demand));
}

void Start() {
  if (previous_startup_hook != nullptr) previous_startup_hook();
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  bool found;
  void* const memory = ShmemInitStruct("fraiseql_subs resolver demand", sizeof(Demand), &found);
  demand = found ? static_cast<Demand*>(memory) : new (memory) Demand{};
  LWLockRelease(AddinShmemInitLock);
}

}  // namespace

void RegisterResolverDemand() {
  previous_request_hook = shmem_request_hook;
  shmem_request_hook = Request;
  previous_startup_hook = shmem_startup_hook;
  shmem_startup_hook = Start;
}

void DemandResolver(bool is_wanted) {
  if (demand->is_wanted.exchange(is_wanted) == is_wanted) return;
  if (Latch* const launcher = demand->launcher.load(); launcher != nullptr) SetLatch(launcher);
}

void AwaitResolverDemand() {
  demand->launcher.store(MyLatch);
}

bool IsResolverDemanded() {
  return demand->is_wanted.load();
}

}  // namespace fsubs
