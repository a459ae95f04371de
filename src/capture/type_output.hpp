// What the output functions of a type do, as far as it matters to whom a row is told.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

struct TypeOutput {
  uint32_t reads = 0;  // the settings that it depends on (output_settings.hpp)
  bool can_hold_json = false;
  bool runs_foreign_code = false;
};

// The function that json_build_object and its like call for values of a type that is not
// PostgreSQL's own and has a cast to json. InvalidOid if there is none, or none to be trusted: it
// runs with the rights of whoever writes to a table of `table_owner`, and anybody can make a type
// with a cast. So its owner must have the rights of `table_owner`, as superusers have: they could
// run it by a trigger.
Oid FindJsonCast(Oid type, Oid table_owner);

// Add to `*output` what is true of `type` and of the types that it is made of. `type` is no domain.
void Examine(Oid type, Oid table_owner, TypeOutput* output);

}  // namespace fsubs
