// The catalog of the served database as the JSON object from which the worker builds its own.
#pragma once

#include "src/base/pg_compat.hpp"
#include "src/catalog/watched_columns.hpp"

namespace fsubs {

// Read the whole catalog under one snapshot of the database. Returns JSON text in UTF-8, in the
// current memory context; equal catalogs give equal texts. `freshness` is that of the columns of
// watched tables. `*has_resolvers`: whether a function of the database resolves a field. Raises an
// error if it cannot be read. REQUIRES: a transaction is open and the user is a superuser.
char* ReadCatalogSnapshot(Freshness freshness, bool* has_resolvers);

}  // namespace fsubs
