// What to do about an error of a database from which a node reads its events.
#pragma once

#include <string>

namespace fsubs {

struct PgError {
  std::string sql_state;
  std::string message;
};

// On one line: the error, and its remedy where one is known. `user` and `database` are those of the
// connection.
std::string ExplainPgError(const PgError& error, const std::string& user,
                           const std::string& database);

// How to install and to grant what a node needs.
std::string AdviceToInstall(const std::string& database);
std::string AdviceToGrant(const std::string& user);

}  // namespace fsubs
