#include "worker/bus/postgresql/pg_trouble.hpp"

namespace fsubs {
namespace {

constexpr char kInsufficientPrivilege[] = "42501";
constexpr char kUndefinedSchema[] = "3F000";
constexpr char kUndefinedFunction[] = "42883";
constexpr char kUndefinedTable[] = "42P01";
constexpr char kReadOnly[] = "25006";
constexpr char kQueryCanceled[] = "57014";
constexpr char kFeatureNotSupported[] = "0A000";

}  // namespace

std::string AdviceToInstall(const std::string& database) {
  return "run the SQL file of fraiseql_subs in database \"" + database + "\" (docs/sql-only.md)";
}

std::string AdviceToGrant(const std::string& user) {
  return "run SELECT fraiseql_create_roles(); GRANT fraiseql_node TO \"" + user + "\"";
}

std::string ExplainPgError(const PgError& error, const std::string& user,
                           const std::string& database) {
  const std::string& state = error.sql_state;
  const std::string told = error.message.empty() ? "error " + state : error.message;
  if (state == kInsufficientPrivilege) return told + "; " + AdviceToGrant(user);
  if (state == kUndefinedSchema || state == kUndefinedFunction || state == kUndefinedTable) {
    return told + "; " + AdviceToInstall(database);
  }
  if (state == kReadOnly) return told + "; events are read on the primary";
  if (state == kQueryCanceled) {
    return told + "; the role's statement_timeout or lock_timeout may be too short";
  }
  if (state == kFeatureNotSupported) {
    return told + "; the role's default_transaction_isolation must be read committed";
  }
  return told;
}

}  // namespace fsubs
