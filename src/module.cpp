#include "src/base/guc.hpp"
#include "src/base/pg_compat.hpp"
#include "src/ring/shmem.hpp"
#include "src/worker_process/launcher.hpp"

extern "C" {
PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void) {
  // Loaded by a session, it could not share memory: its functions then say what to configure.
  if (!process_shared_preload_libraries_in_progress) return;
  fsubs::settings::Define();
  // pg_upgrade runs the server for itself alone.
  if (IsBinaryUpgrade) return;
  fsubs::RegisterSharedMemory();
  fsubs::RegisterLauncher();
}
}
