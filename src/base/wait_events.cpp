#include "src/base/wait_events.hpp"

namespace fsubs {

#if PG_VERSION_NUM >= 170000

uint32_t WaitEventOf(Wait wait) {
  // In the order of Wait. docs/operations.md explains them.
  static constexpr const char* kNames[] = {
      "FraiseqlSubsRingRoom", "FraiseqlSubsCommitOrder", "FraiseqlSubsLauncher",
      "FraiseqlSubsExecutor", "FraiseqlSubsSideDoor",    "FraiseqlSubsSessionLink",
  };
  static uint32_t events[lengthof(kNames)];  // zero: not asked for yet
  const auto index = static_cast<size_t>(wait);
  if (events[index] == 0) events[index] = WaitEventExtensionNew(kNames[index]);
  return events[index];
}

#else

uint32_t WaitEventOf(Wait) {
  return PG_WAIT_EXTENSION;
}

#endif

}  // namespace fsubs
