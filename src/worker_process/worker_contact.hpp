// How a session reaches the worker, and its errors if the worker cannot be reached or does not
// answer. All are of the class connection_exception, but for what breaks the protocol.
#pragma once

#include "src/worker_process/side_door_client.hpp"

namespace fsubs {

// How long a session waits for the worker, which answers at once unless something is wrong.
inline constexpr std::chrono::seconds kAnswerTimeout{5};

[[noreturn]] void RaiseNotRunning();

// What came instead of an answer.
[[noreturn]] void RaiseNoAnswer(SideDoorResult result);

// For an ereport: adds which threads of the worker stand still, if any does.
int ErrorStandstill();

// Connect, in the current memory context. Raises an error if there is no worker.
SideDoorClient* OpenSideDoor(Wait wait, Deadline deadline);

// Wait until a whole message has come, for TakeMessage or TakeBytes. Raises an error if none does.
void AwaitAnswer(SideDoorClient* door, Deadline deadline);

}  // namespace fsubs
