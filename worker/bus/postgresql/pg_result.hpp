// What a statement came to.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct pg_result;

namespace fsubs {

class PgResult {
 public:
  PgResult() = default;
  // Takes it over; null is the failure of a connection that has said no more.
  explicit PgResult(pg_result* result) : result_(result) {}

  bool ok() const;
  // Of a failure: the error's code, which may be empty, and its text on one line.
  std::string sql_state() const;
  std::string message() const;

  size_t rows() const;
  // Whether there are these columns, by the numbers of their types, in binary form.
  bool HasColumns(std::span<const unsigned> types) const;
  // REQUIRES: the row and the column are there. Null if the value is. It lives as long as the
  // result.
  std::optional<std::string_view> Value(size_t row, size_t column) const;

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

// Numbers of types of PostgreSQL's own.
inline constexpr unsigned kPgBool = 16;
inline constexpr unsigned kPgInt8 = 20;
inline constexpr unsigned kPgInt2 = 21;
inline constexpr unsigned kPgText = 25;
inline constexpr unsigned kPgTimestampTz = 1184;
inline constexpr unsigned kPgXid8 = 5069;

// `message` on one line, without what libpq puts at its end.
std::string OnOneLine(std::string_view message);

}  // namespace fsubs
