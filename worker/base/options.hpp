// Everything that can be set, from the command line and a configuration file. Names are those of
// the fraiseql_subs.* settings; sizes are in bytes and times in milliseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "worker/base/log.hpp"

namespace fsubs {

struct Options {
  // Fixed at start.
  bool launched = false;  // started by PostgreSQL's launcher, which reads our log lines
  int ring_fd = -1;
  int reader_page_fd = -1;
  std::vector<int> wake_fds;  // one eventfd per shard
  std::string socket_path;    // where executors and backends connect
  std::string listen_address = "127.0.0.1";
  uint16_t port = 4000;
  std::string database = "postgres";

  // Read again on SIGHUP.
  bool allow_anonymous = false;
  std::string allowed_origins = "*";  // separated by commas
  bool introspection = true;
  bool playground = false;
  uint64_t init_timeout = 3000;
  uint64_t keepalive_interval = 12000;  // 0: never ping
  size_t max_message_size = 64 * 1024;
  size_t max_connections = 20000;
  size_t max_subscriptions_per_connection = 100;
  size_t outbox_size = 1024 * 1024;
  size_t max_query_tokens = 2000;
  size_t max_query_depth = 20;
  size_t max_query_size = 32 * 1024;
  size_t max_query_aliases = 100;
  size_t max_query_selections = 5000;
  uint64_t drain_timeout = 5000;
  LogLevel log_level = LogLevel::kLog;
};

// Read the arguments and the file that `--config` names. Returns true to go on. Otherwise
// `*exit_code` is set and help or an error has been printed.
[[nodiscard]] bool ParseOptions(int argc, char** argv, Options* options, int* exit_code);

// Read them again for a running worker. Returns an empty string and sets `*options`, or says what
// is wrong and leaves it alone.
std::string ReloadOptions(int argc, char** argv, Options* options);

}  // namespace fsubs
