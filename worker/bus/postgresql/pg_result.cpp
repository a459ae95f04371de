#include "worker/bus/postgresql/pg_result.hpp"

#include <libpq-fe.h>

namespace fsubs {

void PgResult::Clear::operator()(pg_result* result) const {
  PQclear(result);
}

bool PgResult::ok() const {
  const ExecStatusType status = PQresultStatus(result_.get());
  return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

std::string PgResult::sql_state() const {
  const char* const state = PQresultErrorField(result_.get(), PG_DIAG_SQLSTATE);
  return state == nullptr ? "" : state;
}

std::string PgResult::message() const {
  const char* const primary = PQresultErrorField(result_.get(), PG_DIAG_MESSAGE_PRIMARY);
  return OnOneLine(primary == nullptr ? PQresultErrorMessage(result_.get()) : primary);
}

size_t PgResult::rows() const {
  return static_cast<size_t>(PQntuples(result_.get()));
}

bool PgResult::HasColumns(std::span<const unsigned> types) const {
  if (static_cast<size_t>(PQnfields(result_.get())) != types.size()) return false;
  for (size_t i = 0; i < types.size(); ++i) {
    const int column = static_cast<int>(i);
    if (PQftype(result_.get(), column) != types[i] || PQfformat(result_.get(), column) != 1) {
      return false;
    }
  }
  return true;
}

std::optional<std::string_view> PgResult::Value(size_t row, size_t column) const {
  const int at_row = static_cast<int>(row);
  const int at_column = static_cast<int>(column);
  if (PQgetisnull(result_.get(), at_row, at_column) != 0) return std::nullopt;
  return std::string_view(PQgetvalue(result_.get(), at_row, at_column),
                          static_cast<size_t>(PQgetlength(result_.get(), at_row, at_column)));
}

std::string OnOneLine(std::string_view message) {
  constexpr size_t kMost = 1000;
  std::string line;
  for (const char c : message.substr(0, kMost)) {
    if (c != '\n' && c != '\t' && c != '\r') {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

}  // namespace fsubs
