#include "src/capture/value_json.hpp"

#include "contract/event_record.hpp"
#include "src/base/sql_arguments.hpp"
#include "src/capture/json_text.hpp"
#include "src/capture/jsonb_text.hpp"
#include "src/capture/subtransaction.hpp"
#include "src/capture/type_output.hpp"
#include "src/capture/utf8.hpp"

namespace fsubs {

// Writes composite values of one shape. Until PostgreSQL's type cache sees the type changed, the
// shape stays the same.
struct RowWriter {
  uint64_t shape;
  ValueWriter columns[FLEXIBLE_ARRAY_MEMBER];
};

namespace {

// Around each value are the event's object and that of the row.
constexpr size_t kDeepestValue = kMaxDataDepth - 2;

// The text of a value can be shorter than its bytes, such as that of an array of small numbers, but
// not by more than this factor.
constexpr size_t kMostShrinking = 8;

// The text of a larger value can pass 1 GB, which is an error: a multirange of numbers such as
// 1e131071 grows 16,384 times.
constexpr size_t kAlwaysWritable = 32 * 1024;

JsonForm FormOf(Oid type, Oid table_owner) {
  switch (type) {
    case BOOLOID:
      return JsonForm::kBoolean;
    case INT2OID:
      return JsonForm::kInt2;
    case INT4OID:
      return JsonForm::kInt4;
    case INT8OID:
      return JsonForm::kInt8;
    case FLOAT4OID:
      return JsonForm::kFloat4;
    case FLOAT8OID:
      return JsonForm::kFloat8;
    case NUMERICOID:
      return JsonForm::kNumeric;
    case DATEOID:
      return JsonForm::kDate;
    case TIMESTAMPOID:
      return JsonForm::kTimestamp;
    case TIMESTAMPTZOID:
      return JsonForm::kTimestampTz;
    case TEXTOID:
    case VARCHAROID:
    case BPCHAROID:
      return JsonForm::kText;
    case BYTEAOID:
      return JsonForm::kBytea;
    case JSONOID:
      return JsonForm::kJson;
    case JSONBOID:
      return JsonForm::kJsonb;
    default:
      break;
  }
  if (OidIsValid(get_element_type(type))) return JsonForm::kArray;
  if (type_is_rowtype(type)) return JsonForm::kComposite;
  return OidIsValid(FindJsonCast(type, table_owner)) ? JsonForm::kCast : JsonForm::kOutput;
}

// Whether the text is made of ASCII and not nested, whatever the value.
bool IsPlain(JsonForm form) {
  switch (form) {
    case JsonForm::kBoolean:
    case JsonForm::kInt2:
    case JsonForm::kInt4:
    case JsonForm::kInt8:
    case JsonForm::kFloat4:
    case JsonForm::kFloat8:
    case JsonForm::kNumeric:
    case JsonForm::kDate:
    case JsonForm::kTimestamp:
    case JsonForm::kTimestampTz:
    case JsonForm::kBytea:
      return true;
    default:
      return false;
  }
}

// Whether what is written never takes much more memory than the value or the limit.
bool IsBounded(const ValueWriter& writer) {
  if (writer.form == JsonForm::kArray) return IsBounded(*writer.element);
  return writer.form != JsonForm::kComposite && writer.form != JsonForm::kCast &&
         writer.form != JsonForm::kOutput;
}

size_t RawSize(const ValueWriter& writer, Datum value) {
  return writer.is_varlena ? toast_raw_datum_size(value) - VARHDRSZ : 0;
}

bool AppendText(std::string_view text, size_t limit, StringInfo out) {
  if (out->len + text.size() > limit) return false;
  appendBinaryStringInfo(out, text.data(), static_cast<int>(text.size()));
  return true;
}

// A number as its type writes it; what JSON has no number for, such as NaN, becomes a string.
bool AppendNumber(std::string_view text, size_t limit, StringInfo out) {
  const char last = text.back();
  return '0' <= last && last <= '9' ? AppendText(text, limit, out)
                                    : AppendJsonString(out, text, limit);
}

bool AppendDateTime(Oid type, Datum value, size_t limit, StringInfo out) {
  char text[MAXDATELEN + 1];
  const int utc = 0;
  return AppendJsonString(out, JsonEncodeDateTime(text, value, type, &utc), limit);
}

bool AppendBytea(Datum value, size_t limit, StringInfo out) {
  constexpr std::string_view kHead = "\"\\\\x";
  const std::string_view bytes = ViewOf(DatumGetByteaPP(value));
  const size_t size = kHead.size() + 2 * bytes.size() + 1;
  if (out->len + size > limit) return false;
  enlargeStringInfo(out, static_cast<int>(size));
  appendBinaryStringInfo(out, kHead.data(), static_cast<int>(kHead.size()));
  out->len += static_cast<int>(hex_encode(bytes.data(), bytes.size(), out->data + out->len));
  appendStringInfoChar(out, '"');
  return true;
}

// Looked up on first use, which loads the function's library and fails if that is missing.
FmgrInfo* FunctionOf(ValueWriter* writer) {
  if (!OidIsValid(writer->function.fn_oid)) {
    fmgr_info_cxt(writer->function_oid, &writer->function, writer->context);
  }
  return &writer->function;
}

bool AppendForm(ValueWriter* writer, Datum value, size_t limit, StringInfo out);

// An array's elements in the order in which they are stored.
class Elements {
 public:
  Elements(ValueWriter* writer, ArrayType* array) : writer_(writer), array_(array) {
    array_iter_setup(&iterator_, reinterpret_cast<AnyArrayType*>(array));
  }

  // Append those of one dimension as a list, of lists if there are more dimensions.
  bool AppendDimension(int dimension, size_t limit, StringInfo out) {
    const int count = ARR_DIMS(array_)[dimension];
    const bool is_last = dimension + 1 == ARR_NDIM(array_);
    for (int i = 0; i < count; ++i) {
      appendStringInfoChar(out, i == 0 ? '[' : ',');
      if (!(is_last ? AppendNext(limit, out) : AppendDimension(dimension + 1, limit, out))) {
        return false;
      }
    }
    appendStringInfoChar(out, ']');
    return true;
  }

 private:
  bool AppendNext(size_t limit, StringInfo out) {
    bool is_null;
    const Datum element = array_iter_next(&iterator_, &is_null, next_++, writer_->element_length,
                                          writer_->element_by_value, writer_->element_alignment);
    return is_null ? AppendText("null", limit, out)
                   : AppendForm(writer_->element, element, limit, out);
  }

  ValueWriter* const writer_;
  ArrayType* const array_;
  array_iter iterator_;
  int next_ = 0;
};

bool AppendArray(ValueWriter* writer, Datum value, size_t limit, StringInfo out) {
  ArrayType* const array = DatumGetArrayTypeP(value);
  if (ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) == 0) return AppendText("[]", limit, out);
  return Elements(writer, array).AppendDimension(0, limit, out);
}

void PrepareRow(ValueWriter* writer, TupleDesc columns, uint64_t shape) {
  const size_t size = offsetof(RowWriter, columns) + columns->natts * sizeof(ValueWriter);
  RowWriter* const row = static_cast<RowWriter*>(MemoryContextAllocZero(writer->context, size));
  row->shape = shape;
  for (int i = 0; i < columns->natts; ++i) {
    const FormData_pg_attribute* const column = TupleDescAttr(columns, i);
    if (column->attisdropped) continue;
    PrepareWriter(column->atttypid, writer->table_owner, writer->context, &row->columns[i]);
  }
  writer->row = row;
}

bool AppendColumns(RowWriter* writer, HeapTupleHeader row, TupleDesc columns, size_t limit,
                   StringInfo out) {
  HeapTupleData tuple = {};
  tuple.t_len = HeapTupleHeaderGetDatumLength(row);
  tuple.t_data = row;
  Datum* const values = static_cast<Datum*>(palloc(columns->natts * sizeof(Datum)));
  bool* const nulls = static_cast<bool*>(palloc(columns->natts * sizeof(bool)));
  heap_deform_tuple(&tuple, columns, values, nulls);
  char separator = '{';
  for (int i = 0; i < columns->natts; ++i) {
    FormData_pg_attribute* const column = TupleDescAttr(columns, i);
    if (column->attisdropped) continue;
    appendStringInfoChar(out, separator);
    separator = ',';
    if (!AppendJsonString(out, NameStr(column->attname), limit)) return false;
    appendStringInfoChar(out, ':');
    if (!(nulls[i] ? AppendText("null", limit, out)
                   : AppendForm(&writer->columns[i], values[i], limit, out))) {
      return false;
    }
  }
  return AppendText(separator == '{' ? "{}" : "}", limit, out);
}

bool AppendComposite(ValueWriter* writer, Datum value, size_t limit, StringInfo out) {
  check_stack_depth();
  const HeapTupleHeader row = DatumGetHeapTupleHeader(value);
  const Oid type = HeapTupleHeaderGetTypeId(row);
  const int32_t modifier = HeapTupleHeaderGetTypMod(row);
  const TupleDesc columns = lookup_rowtype_tupdesc(type, modifier);
  const uint64_t shape = assign_record_type_identifier(type, modifier);
  if (writer->row == nullptr || writer->row->shape != shape) PrepareRow(writer, columns, shape);
  const bool fits = AppendColumns(writer->row, row, columns, limit, out);
  ReleaseTupleDesc(columns);
  return fits;
}

// Returns false if `out` would come to hold more than `limit` bytes.
bool AppendForm(ValueWriter* writer, Datum value, size_t limit, StringInfo out) {
  char number[DOUBLE_SHORTEST_DECIMAL_LEN > 32 ? DOUBLE_SHORTEST_DECIMAL_LEN : 32];
  const auto number_of = [&](int length) {
    return std::string_view(number, static_cast<size_t>(length));
  };
  switch (writer->form) {
    case JsonForm::kBoolean:
      return AppendText(DatumGetBool(value) ? "true" : "false", limit, out);
    case JsonForm::kInt2:
      return AppendText(number_of(pg_itoa(DatumGetInt16(value), number)), limit, out);
    case JsonForm::kInt4:
      return AppendText(number_of(pg_ltoa(DatumGetInt32(value), number)), limit, out);
    case JsonForm::kInt8:
      return AppendText(number_of(pg_lltoa(DatumGetInt64(value), number)), limit, out);
    case JsonForm::kFloat4:
      return AppendNumber(number_of(float_to_shortest_decimal_buf(DatumGetFloat4(value), number)),
                          limit, out);
    case JsonForm::kFloat8:
      return AppendNumber(number_of(double_to_shortest_decimal_buf(DatumGetFloat8(value), number)),
                          limit, out);
    case JsonForm::kNumeric:
      return AppendNumber(OutputFunctionCall(FunctionOf(writer), value), limit, out);
    case JsonForm::kDate:
    case JsonForm::kTimestamp:
    case JsonForm::kTimestampTz:
      return AppendDateTime(writer->type, value, limit, out);
    case JsonForm::kText:
      return AppendJsonString(out, ViewOf(DatumGetTextPP(value)), limit);
    case JsonForm::kBytea:
      return AppendBytea(value, limit, out);
    case JsonForm::kJson:
      return AppendText(ViewOf(DatumGetTextPP(value)), limit, out);
    case JsonForm::kJsonb:
      return AppendJsonb(out, DatumGetJsonbP(value), limit);
    case JsonForm::kArray:
      return AppendArray(writer, value, limit, out);
    case JsonForm::kComposite:
      return AppendComposite(writer, value, limit, out);
    case JsonForm::kCast:
      return AppendText(ViewOf(DatumGetTextPP(FunctionCall1(FunctionOf(writer), value))), limit,
                        out);
    case JsonForm::kOutput:
      return AppendJsonString(out, OutputFunctionCall(FunctionOf(writer), value), limit);
  }
  pg_unreachable();
}

// What the worker would not take of what was written from `start` on.
ValueProblem Check(const ValueWriter& writer, int start, StringInfo out) {
  if (IsPlain(writer.form)) return ValueProblem::kNone;
  const std::string_view json(out->data + start, static_cast<size_t>(out->len - start));
  const bool is_string = writer.form == JsonForm::kText || writer.form == JsonForm::kOutput;
  // Each level takes two brackets.
  if (!is_string && json.size() > 2 * kDeepestValue && JsonDepth(json) > kDeepestValue) {
    return ValueProblem::kTooDeep;
  }
  if (writer.can_hold_json && HasLoneSurrogate(json)) return ValueProblem::kNotJson;
  if (!TailToUtf8(out, start, writer.utf8_conversion)) return ValueProblem::kNotUtf8;
  return ValueProblem::kNone;
}

void PrepareElement(ValueWriter* writer) {
  const Oid type = get_element_type(writer->type);
  get_typlenbyvalalign(type, &writer->element_length, &writer->element_by_value,
                       &writer->element_alignment);
  ValueWriter* const element =
      static_cast<ValueWriter*>(MemoryContextAlloc(writer->context, sizeof(ValueWriter)));
  PrepareWriter(type, writer->table_owner, writer->context, element);
  writer->element = element;
  writer->reads = element->reads;
  writer->can_hold_json = element->can_hold_json;
  writer->runs_foreign_code = element->runs_foreign_code;
}

// The function that writes values; InvalidOid if none is called by its address.
Oid FindFunction(const ValueWriter& writer) {
  if (writer.form == JsonForm::kCast) return FindJsonCast(writer.type, writer.table_owner);
  if (writer.form != JsonForm::kOutput && writer.form != JsonForm::kNumeric) return InvalidOid;
  Oid function;
  bool is_varlena;
  getTypeOutputInfo(writer.type, &function, &is_varlena);
  return function;
}

// Whether reading it takes its TOAST table or decompression, which fail where bytes are damaged.
bool IsToasted(const ValueWriter& writer, Datum value) {
  if (!writer.is_varlena) return false;
  const char* const pointer = DatumGetPointer(value);
  return VARATT_IS_EXTERNAL(pointer) || VARATT_IS_COMPRESSED(pointer);
}

}  // namespace

void PrepareWriter(Oid type, Oid table_owner, MemoryContext context, ValueWriter* writer) {
  *writer = ValueWriter{};
  writer->type = getBaseType(type);
  writer->table_owner = table_owner;
  writer->context = context;
  writer->form = FormOf(writer->type, table_owner);
  writer->is_varlena = get_typlen(writer->type) == -1;
  writer->utf8_conversion = FindUtf8Conversion();
  if (writer->form == JsonForm::kArray) return PrepareElement(writer);
  if (!IsPlain(writer->form)) {
    TypeOutput output;
    Examine(writer->type, table_owner, &output);
    writer->reads = output.reads;
    writer->can_hold_json = output.can_hold_json;
    writer->runs_foreign_code = output.runs_foreign_code;
  }
  writer->function_oid = FindFunction(*writer);
  if (writer->form == JsonForm::kOutput && !writer->runs_foreign_code &&
      FunctionOf(writer)->fn_addr == textout) {
    writer->form = JsonForm::kText;
  }
}

size_t LeastSize(const ValueWriter& writer, Datum value) {
  const size_t raw = RawSize(writer, value);
  switch (writer.form) {
    case JsonForm::kText:
      return raw + 2;
    case JsonForm::kBytea:
      return 2 * raw + 2;
    case JsonForm::kJson:
      return raw;
    case JsonForm::kNumeric:
      return 1;
    default:
      return raw / kMostShrinking;
  }
}

ValueProblem AppendValue(ValueWriter* writer, Datum value, size_t limit, bool raise,
                         StringInfo out) {
  if (LeastSize(*writer, value) > limit) return ValueProblem::kTooLarge;
  const int start = out->len;
  bool fits = false;
  const auto append = [&] { fits = AppendForm(writer, value, start + limit, out); };
  const bool may_fail = writer->runs_foreign_code || IsToasted(*writer, value) ||
                        (!IsBounded(*writer) && RawSize(*writer, value) > kAlwaysWritable);
  ValueProblem problem = ValueProblem::kNone;
  if (!may_fail || raise) {
    append();
  } else if (!TryInSubtransaction(append)) {
    problem = ValueProblem::kUnwritable;
  }
  if (problem == ValueProblem::kNone) {
    problem = fits ? Check(*writer, start, out) : ValueProblem::kTooLarge;
  }
  if (problem == ValueProblem::kNone && out->len - start > static_cast<int>(limit)) {
    problem = ValueProblem::kTooLarge;
  }
  if (problem == ValueProblem::kNone) return problem;
  out->len = start;
  out->data[start] = '\0';
  return problem;
}

}  // namespace fsubs
