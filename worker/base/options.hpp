// Everything that can be set, from the command line and a configuration file: the settings that
// contract/settings.hpp has for the worker, and what PostgreSQL's launcher passes on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "contract/settings.hpp"

namespace fsubs {

struct Options {
  // Every setting at its default.
  Options();

  // Whether it is a node without a database.
  bool is_node() const { return !launched && has_bus; }

  // Passed at start.
  bool launched = false;  // started by PostgreSQL's launcher, which reads our log lines
  int ring_fd = -1;
  int reader_page_fd = -1;
  int tls_fd = -1;            // contract/tls_files.hpp, where `ssl` is on
  std::vector<int> wake_fds;  // one message queue per shard
  std::string socket_path;    // where executors and backends connect

  // Of a node without a database, which nobody has launched.
  bool has_bus = false;  // one was named
  std::string catalog;   // a file
  std::string events;    // "-" or the path of a Unix socket
  bool exit_at_end = false;
  std::string bus_listen_url;  // secret: it may have a password; empty: as bus_url
  bool check_config = false;
  std::string config_file;
  uint64_t ring_size;
  size_t worker_threads;

  // Settings that are fixed at start.
  std::string listen_address;
  uint16_t port;
  std::string database;
  std::string unix_socket;  // empty: none
  bool ssl;
  bool sandbox;
  Bus bus;
  std::string bus_url;      // secret: it may have a password
  std::string bus_ca_file;  // empty: the system's authorities
  uint64_t bus_max_length;
  uint64_t bus_max_age;   // 0: for ever
  std::string node_name;  // empty: NodeName says

  // Settings that are read again on SIGHUP.
  std::string proxy_protocol_from;  // separated by commas
  std::string ssl_cert_file;
  std::string ssl_key_file;
  std::string ssl_ca_file;  // empty: none
  std::string ssl_ciphers;
  TlsVersion ssl_min_protocol_version;
  bool allow_anonymous;
  bool token_in_url;
  std::string authenticate;  // empty: no function
  uint64_t authenticate_timeout;
  uint64_t expiry_notice;  // 0: never
  bool audit_log;
  std::string allowed_origins;  // separated by commas
  bool introspection;
  bool playground;
  uint64_t init_timeout;
  uint64_t keepalive_interval;  // 0: never ping
  size_t max_message_size;
  size_t max_connections;
  size_t max_unfinished_per_address;  // 0: no limit
  size_t max_subscriptions_per_connection;
  size_t max_connection_memory;
  size_t outbox_size;
  size_t max_query_tokens;
  size_t max_query_depth;
  size_t max_query_size;
  size_t max_query_aliases;
  size_t max_query_selections;
  size_t max_filter_conditions;
  size_t max_held_size;
  // Each empty: no limit.
  std::string limit_connections_per_user;
  std::string limit_connections_per_address;
  std::string limit_connections_per_tenant;
  std::string limit_new_connections_per_address;
  std::string limit_subscriptions_per_user;
  std::string limit_subscriptions_created_per_user;
  std::string limit_events_per_subscription;
  std::string limit_events_per_user;
  std::string limit_messages_per_connection;
  uint64_t slow_timeout;
  uint64_t drain_timeout;
  LogLevel log_level;
  bool standby_waits_for_replay;
};

// What this node is called on the bus.
std::string NodeName(const Options& options);

// Read the arguments, the environment, unless PostgreSQL's launcher has started the program, and
// the file that `--config` names: what comes first here counts. Returns true to go on. Otherwise
// `*exit_code` is set and help or an error has been printed.
[[nodiscard]] bool ParseOptions(int argc, const char* const* argv, Options* options,
                                int* exit_code);

// Variables of the environment that are named like those of options and are none's: likely
// misspelt. Those that Kubernetes sets for a service called fraiseql-subs are left out.
std::vector<std::string> FindUnknownVariables();

// Read them again for a running worker. Returns an empty string and sets `*options`, or says what
// is wrong and leaves it alone.
std::string ReloadOptions(int argc, const char* const* argv, Options* options);

}  // namespace fsubs
