// Lets long work be given up.
#pragma once

namespace fsubs::graphql {

// Work that takes longer the longer its input is calls one every few thousand steps. What a
// checkpoint throws ends the work.
using Checkpoint = void (*)();

inline void GoOn() {}

}  // namespace fsubs::graphql
