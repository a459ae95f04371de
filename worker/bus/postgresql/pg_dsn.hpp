// Where a PostgreSQL server is and who connects: what libpq calls a connection string.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace fsubs {

// One of the servers that a connection string names.
struct PgServer {
  std::string host;     // a name, the directory of a Unix socket, or empty: libpq's own default
  std::string address;  // by number; empty: `host` is looked up
  std::string port;     // empty: the default

  bool is_unix_socket() const {
    return address.empty() && (host.empty() || host.front() == '/' || host.front() == '@');
  }
};

class PgDsn {
 public:
  // Both forms of a connection string, a URI or keywords. What it does not say is taken from the
  // environment, as libpq does. Returns an empty string, or why it cannot be used: without the
  // password.
  static std::string Parse(const std::string& text, PgDsn* dsn);

  const std::vector<PgServer>& servers() const { return servers_; }
  const std::string& database() const { return database_; }
  const std::string& user() const { return user_; }
  // Where it leads to, for the log.
  std::string Describe() const;
  // Files that libpq may want to read when it connects.
  std::vector<std::string> Files() const;

  using Keywords = std::vector<std::pair<std::string, std::string>>;
  // What PQconnectStartParams is given to connect to `server`, whose address is known.
  Keywords KeywordsFor(const PgServer& server, const std::string& application_name) const;

 private:
  std::vector<PgServer> servers_;  // never empty
  std::string database_;
  std::string user_;
  Keywords others_;  // without those that name servers
};

}  // namespace fsubs
