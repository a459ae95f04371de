// Which columns an UPDATE changed: those whose bytes differ, whatever their type's operators say.
// A value that cannot be read because its stored bytes are damaged differs from every other.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Whether a column, numbered from 0, has the same value in two rows. REQUIRES: slot_getallattrs was
// called for both.
bool IsSameColumn(const TupleTableSlot* a, const TupleTableSlot* b, int column);

bool IsSameRow(const TupleTableSlot* a, const TupleTableSlot* b);

}  // namespace fsubs
