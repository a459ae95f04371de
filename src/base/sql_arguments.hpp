// Arguments of SQL functions as views, and the errors for bad ones.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

inline std::string_view ViewOf(const text* value) {
  return {VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
}

// A text argument; empty if it is null, or if the function has fewer.
inline std::string_view OptionalText(FunctionCallInfo fcinfo, int argument) {
  if (argument >= PG_NARGS() || PG_ARGISNULL(argument)) return {};
  return ViewOf(PG_GETARG_TEXT_PP(argument));
}

// Raise an error if the argument called `name` is null.
inline void RequireArgument(FunctionCallInfo fcinfo, int argument, const char* name) {
  if (likely(!PG_ARGISNULL(argument))) return;
  ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s cannot be null", name)));
}

// Raise an error if `value`, given for `name`, is empty.
inline void RequireNotEmpty(std::string_view value, const char* name) {
  if (likely(!value.empty())) return;
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s cannot be empty", name)));
}

}  // namespace fsubs
