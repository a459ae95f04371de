// Whether a process is wanted that calls functions which resolve fields: the executor that reads
// the catalog knows, and the launcher starts it.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Ask for the shared memory. Call once, from _PG_init in the postmaster.
void RegisterResolverDemand();

// The executor's. The launcher is woken if that is new.
void DemandResolver(bool is_wanted);

// The launcher's: whose latch is set.
void AwaitResolverDemand();
bool IsResolverDemanded();

}  // namespace fsubs
