// What this session does to the tables of the catalog.
#pragma once

#include <cstdint>

namespace fsubs {

// Runs of their triggers, which every statement has that changes one of them. Counts what was
// rolled back too.
inline uint64_t catalog_changes = 0;

}  // namespace fsubs
