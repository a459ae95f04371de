// The background worker that starts, supervises, reloads and drains the worker program, and keeps
// the executor running.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Ask the postmaster to run the launcher. Call once, from _PG_init in the postmaster, behind
// RegisterSharedMemory. The executor is started by the launcher, not by the caller.
void RegisterLauncher();

}  // namespace fsubs
