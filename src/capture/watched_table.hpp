// What the events of a watched table have in common, found out once per statement and table.
#pragma once

#include "src/base/pg_compat.hpp"
#include "src/capture/value_json.hpp"

namespace fsubs {

struct WatchedColumn {
  int index;              // in the row, from 0
  std::string_view name;  // a JSON string with its quotes
  ValueWriter writer;
};

struct WatchedTable {
  TupleDesc columns_of;  // what `columns` was made for
  bool has_channel;      // whether there can be such a channel: it must exist in UTF-8
  std::string_view channel;
  bool has_names;         // whether the table's name and those of its columns exist in UTF-8
  std::string_view name;  // qualified, a JSON string with its quotes
  int column_count;       // without those that are dropped, or made up at each SELECT
  WatchedColumn* columns;
  uint32_t reads;  // settings that the values of some column depend on
  bool knows_key;
  Bitmapset* key;  // if it knows: see IsKey
};

// That of the table which the trigger is fired for. REQUIRES: `fcinfo` is the call of a trigger
// with the channel as its argument.
WatchedTable* GetWatchedTable(FunctionCallInfo fcinfo);

// Whether a column is part of the primary key or of the replica identity's index.
bool IsKey(WatchedTable* table, Relation relation, const WatchedColumn& column);

}  // namespace fsubs
