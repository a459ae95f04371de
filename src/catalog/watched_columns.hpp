// The types of the columns of watched tables: what the worker compares values by.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

enum class Freshness {
  kNow,   // all that is committed
  kSoon,  // all that this process has heard of: nothing is read unless a relation has changed
};

// Returns a JSON object in UTF-8, valid until the next call. It has a member for each channel that
// a subscription listens to: an object of the columns of the tables that are watched on it, each
// with the name of its type in pg_type, and "[]" behind that for an array of it. Domains are
// resolved.
//
// Types that are neither PostgreSQL's own nor citext nor hstore compare as text, as text itself
// does. These columns are left out, as are those of which two tables of a channel have different
// types.
//
// Raises an error if they cannot be read. REQUIRES: SPI is connected, a snapshot is active, the
// extension is created, and the user is a superuser.
const char* ReadWatchedColumns(Freshness freshness);

}  // namespace fsubs
