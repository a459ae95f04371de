#include "src/worker_process/sessions.hpp"

namespace fsubs {

bool HasSessions() {
  // What was seen in the same transaction is remembered; the caller may be in none.
  pgstat_clear_backend_activity_snapshot();
  const int count = pgstat_fetch_stat_numbackends();
  for (int i = 1; i <= count; ++i) {
    const PgBackendStatus& process = BackendStatus(i);
    if (OidIsValid(process.st_databaseid) && process.st_backendType != B_WAL_SENDER) return true;
  }
  return false;
}

}  // namespace fsubs
