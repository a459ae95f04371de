// SQL's text as UTF-8, and the other way round.
#pragma once

#include "src/base/pg_compat.hpp"

#include <span>

namespace fsubs {

// Points into `value`, or into palloc'ed memory if the database has another encoding.
inline std::string_view Utf8Of(const text* value) {
  const char* const start = VARDATA_ANY(value);
  const int length = VARSIZE_ANY_EXHDR(value);
  const char* const utf8 = pg_server_to_any(start, length, PG_UTF8);
  return utf8 == start ? std::string_view(start, length) : std::string_view(utf8);
}

// A null argument is empty.
inline std::string_view Utf8Argument(FunctionCallInfo fcinfo, int argument) {
  if (PG_ARGISNULL(argument)) return {};
  return Utf8Of(PG_GETARG_TEXT_PP(argument));
}

// An array argument's elements in palloc'ed memory; a null array has none. REQUIRES: no null
// elements.
inline std::span<const std::string_view> TextsArgument(FunctionCallInfo fcinfo, int argument) {
  if (PG_ARGISNULL(argument)) return {};
  Datum* values;
  int count;
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), TEXTOID, -1, false, TYPALIGN_INT, &values,
                    nullptr, &count);
  std::string_view* const texts =
      static_cast<std::string_view*>(palloc(mul_size(count + 1, sizeof(std::string_view))));
  for (int i = 0; i < count; ++i) texts[i] = Utf8Of(DatumGetTextPP(values[i]));
  return {texts, static_cast<size_t>(count)};
}

inline Datum TextFromUtf8(const std::string& utf8) {
  return CStringGetTextDatum(
      pg_any_to_server(utf8.c_str(), static_cast<int>(utf8.size()), PG_UTF8));
}

}  // namespace fsubs
