// Which command of the transaction changed a row.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// The command that caused a trigger to be fired for a row; InvalidCommandId if the row's header
// does not tell: it does so in tables of PostgreSQL's own access method, and not after COPY FREEZE.
CommandId ChangingCommand(const TriggerData* trigger);

}  // namespace fsubs
