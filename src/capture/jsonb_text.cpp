#include "src/capture/jsonb_text.hpp"

#include "src/capture/json_text.hpp"

namespace fsubs {
namespace {

void Append(StringInfo out, std::string_view text) {
  appendBinaryStringInfo(out, text.data(), static_cast<int>(text.size()));
}

void AppendNumber(StringInfo out, Numeric number) {
  char* const text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
  appendStringInfoString(out, text);
  pfree(text);
}

bool AppendScalar(StringInfo out, const JsonbValue& scalar, size_t limit) {
  switch (scalar.type) {
    case jbvString:
      return AppendJsonString(
          out, {scalar.val.string.val, static_cast<size_t>(scalar.val.string.len)}, limit);
    case jbvNumeric:
      AppendNumber(out, scalar.val.numeric);
      break;
    case jbvBool:
      Append(out, scalar.val.boolean ? "true" : "false");
      break;
    default:
      Append(out, "null");
      break;
  }
  return static_cast<size_t>(out->len) <= limit;
}

}  // namespace

bool AppendJsonb(StringInfo out, Jsonb* jsonb, size_t limit) {
  if (JB_ROOT_IS_SCALAR(jsonb)) {
    JsonbValue scalar;
    return JsonbExtractScalar(&jsonb->root, &scalar) && AppendScalar(out, scalar, limit);
  }
  JsonbIterator* iterator = JsonbIteratorInit(&jsonb->root);
  JsonbValue value;
  bool is_first = true;  // in its array or object, or behind its key
  while (static_cast<size_t>(out->len) <= limit) {
    const JsonbIteratorToken token = JsonbIteratorNext(&iterator, &value, false);
    if (token == WJB_DONE) return true;
    const bool is_end = token == WJB_END_ARRAY || token == WJB_END_OBJECT;
    if (!is_first && !is_end) Append(out, ", ");
    is_first = false;
    switch (token) {
      case WJB_BEGIN_ARRAY:
      case WJB_BEGIN_OBJECT:
        appendStringInfoChar(out, token == WJB_BEGIN_ARRAY ? '[' : '{');
        is_first = true;
        break;
      case WJB_END_ARRAY:
      case WJB_END_OBJECT:
        appendStringInfoChar(out, token == WJB_END_ARRAY ? ']' : '}');
        break;
      case WJB_KEY:
        if (!AppendScalar(out, value, limit)) return false;
        Append(out, ": ");
        is_first = true;
        break;
      default:
        if (!AppendScalar(out, value, limit)) return false;
        break;
    }
  }
  return false;
}

}  // namespace fsubs
