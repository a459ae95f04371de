// How commands of the transaction lead from one version of a row to the next.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Where a version of a row lies. No other version is there while the transaction lasts.
struct RowVersion {
  Oid table;
  ItemPointerData place;

  BlockNumber block() const { return ItemPointerGetBlockNumberNoCheck(&place); }
  OffsetNumber offset() const { return ItemPointerGetOffsetNumberNoCheck(&place); }

  bool operator==(const RowVersion& other) const {
    return table == other.table && block() == other.block() && offset() == other.offset();
  }
};

// What the headers of a row's versions tell of a change. They do so in tables of PostgreSQL's own
// access method, and not after COPY FREEZE.
struct VersionChange {
  // The command that changed the row; InvalidCommandId if it is not known.
  CommandId command = InvalidCommandId;
  // The command of the same transaction that made the old version; InvalidCommandId if there is
  // none.
  CommandId old_command = InvalidCommandId;
  RowVersion old_version{};  // set with old_command
  RowVersion new_version{};  // without a table if there is none
};

// The change that a trigger was fired for.
VersionChange VersionChangeOf(const TriggerData* trigger);

}  // namespace fsubs
