#include "src/worker_process/side_door_wait.hpp"

#include <algorithm>
#include <chrono>

namespace fsubs {
namespace {

// The latch, the postmaster, the worker's socket and the client's.
constexpr int kEvents = 4;

WaitEventSet* MakeEventSet() {
#if PG_VERSION_NUM >= 170000
  return CreateWaitEventSet(nullptr, kEvents);
#else
  return CreateWaitEventSet(CurrentMemoryContext, kEvents);
#endif
}

}  // namespace

void RequireNonatomic(FunctionCallInfo call, const char* name) {
  if (call->context != nullptr && IsA(call->context, CallContext) &&
      !reinterpret_cast<CallContext*>(call->context)->atomic) {
    return;
  }
  ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                  errmsg("%s cannot be called in a transaction block", name),
                  errhint("It waits, which must keep no transaction open: CALL it by itself, in "
                          "autocommit mode.")));
}

void CommitBeforeWaiting() {
  SPI_connect_ext(SPI_OPT_NONATOMIC);
  SPI_commit();
  SPI_finish();
}

SideDoorWait* SideDoorWait::Make(const SideDoorClient* door, Wait wait) {
  auto* const made = new (palloc(sizeof(SideDoorWait))) SideDoorWait(wait);
  made->events_ = MakeEventSet();
  made->free_.func = Free;
  made->free_.arg = made;
  MemoryContextRegisterResetCallback(CurrentMemoryContext, &made->free_);
  AddWaitEventToSet(made->events_, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, nullptr);
  AddWaitEventToSet(made->events_, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, nullptr, nullptr);
  AddWaitEventToSet(made->events_, WL_SOCKET_READABLE, door->fd(), nullptr, nullptr);
  // Background workers have no client.
  if (ClientSocket() != PGINVALID_SOCKET && WaitEventSetCanReportClosed()) {
    AddWaitEventToSet(made->events_, WL_SOCKET_CLOSED, ClientSocket(), nullptr, nullptr);
  }
  return made;
}

void SideDoorWait::Free(void* wait) {
  FreeWaitEventSet(static_cast<SideDoorWait*>(wait)->events_);
}

void SideDoorWait::Once(Deadline deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  WaitEvent happened[kEvents];
  const int count = WaitEventSetWait(events_, std::max<long>(left.count(), 0), happened, kEvents,
                                     WaitEventOf(wait_));
  for (int i = 0; i < count; ++i) {
    if (happened[i].events == WL_LATCH_SET) ResetLatch(MyLatch);
    if ((happened[i].events & WL_SOCKET_CLOSED) == 0) continue;
    ClientConnectionLost = true;
    InterruptPending = true;
  }
  CHECK_FOR_INTERRUPTS();
}

}  // namespace fsubs
