// A column's values as JSON in UTF-8: the text that row_to_json makes of them in a session with the
// settings that output_settings.hpp pins, without what that looks up again for every row and
// without casts that are not to be trusted (type_output.hpp).
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// How the values of a type are written.
enum class JsonForm : uint8_t {
  kBoolean,
  kInt2,
  kInt4,
  kInt8,
  kFloat4,
  kFloat8,
  kNumeric,
  kDate,
  kTimestamp,
  kTimestampTz,
  kText,  // a varlena whose bytes are its text
  kBytea,
  kJson,
  kJsonb,
  kArray,
  kComposite,
  kCast,    // by a function that returns json
  kOutput,  // by the type's output function
};

struct RowWriter;

struct ValueWriter {
  JsonForm form;
  bool is_varlena;
  bool can_hold_json;      // text of type json may be part of it
  bool runs_foreign_code;  // functions that are neither PostgreSQL's nor limited to its own
  Oid type;                // no domain
  uint32_t reads;          // the settings that its text depends on
  Oid table_owner;         // whom casts are trusted for
  MemoryContext context;   // of what it keeps
  Oid function_oid;        // of kCast, kNumeric and kOutput
  FmgrInfo function;       // the same; fn_oid is invalid until it is looked up
  Oid utf8_conversion;
  RowWriter* row;        // of kComposite; null until a value is written
  ValueWriter* element;  // of kArray, in which its values are stored as follows
  int16_t element_length;
  bool element_by_value;
  char element_alignment;
};

// Why a value is not part of an event.
enum class ValueProblem {
  kNone,
  kTooLarge,    // larger than any event
  kTooDeep,     // deeper than the worker reads
  kNotUtf8,     // not valid, or without an equivalent
  kNotJson,     // text of type json that only PostgreSQL takes for JSON
  kUnwritable,  // an error of a function that writes it, or its stored bytes are damaged
};

// Find out how to write the values of `type` in a table of `table_owner`. What that keeps is in
// `context`.
void PrepareWriter(Oid type, Oid table_owner, MemoryContext context, ValueWriter* writer);

// A lower bound of the bytes that a value takes, without reading it.
size_t LeastSize(const ValueWriter& writer, Datum value);

// Append a value that is not null. If it would take more than `limit` bytes or has another problem,
// nothing is appended. Raises the error that makes it unwritable if `raise`.
ValueProblem AppendValue(ValueWriter* writer, Datum value, size_t limit, bool raise,
                         StringInfo out);

}  // namespace fsubs
