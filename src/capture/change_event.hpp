// The event of a row change: {"operation":...,"table":...,"row":...,"old":...}. If it does not fit,
// columns are left out in stages, and "omitted" names them.
#pragma once

#include "contract/event_record.hpp"
#include "src/base/pg_compat.hpp"
#include "src/capture/watched_table.hpp"

namespace fsubs {

struct RowChange {
  const char* operation;
  Relation relation;
  TupleTableSlot* row;  // null: TRUNCATE
  TupleTableSlot* old;  // null: not an UPDATE
};

// Make the event of a change, with texts in the current memory context or the table's. Returns
// false if it cannot be told, even without all columns that are neither key nor short. If
// fraiseql_subs.capture_failure is "error", raises an error instead of leaving anything out.
[[nodiscard]] bool MakeChangeEvent(WatchedTable* table, const RowChange& change,
                                   EventRecord* event);

}  // namespace fsubs
