#include "src/capture/row_compare.hpp"

#include "src/capture/subtransaction.hpp"

namespace fsubs {
namespace {

bool IsToasted(const char* value) {
  return VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value);
}

bool IsSameVarlena(Datum a, Datum b) {
  const char* const pointer_a = DatumGetPointer(a);
  const char* const pointer_b = DatumGetPointer(b);
  // An UPDATE copies what it does not touch, of a value in the TOAST table the pointer: do not read
  // that twice.
  const size_t size = VARSIZE_ANY(pointer_a);
  if (size == VARSIZE_ANY(pointer_b) && memcmp(pointer_a, pointer_b, size) == 0) return true;
  if (toast_raw_datum_size(a) != toast_raw_datum_size(b)) return false;
  bool is_same = false;
  const auto compare = [&] { is_same = datum_image_eq(a, b, false, -1); };
  if (!IsToasted(pointer_a) && !IsToasted(pointer_b)) {
    compare();
  } else if (!TryInSubtransaction(compare)) {
    return false;
  }
  return is_same;
}

bool IsSameValue(Datum a, Datum b, const FormData_pg_attribute* column) {
  return column->attlen == -1 ? IsSameVarlena(a, b)
                              : datum_image_eq(a, b, column->attbyval, column->attlen);
}

}  // namespace

bool IsSameColumn(const TupleTableSlot* a, const TupleTableSlot* b, int column) {
  if (a->tts_isnull[column] != b->tts_isnull[column]) return false;
  if (a->tts_isnull[column]) return true;
  return IsSameValue(a->tts_values[column], b->tts_values[column],
                     TupleDescAttr(a->tts_tupleDescriptor, column));
}

bool IsSameRow(const TupleTableSlot* a, const TupleTableSlot* b) {
  const TupleDesc columns = a->tts_tupleDescriptor;
  for (int i = 0; i < columns->natts; ++i) {
    if (!TupleDescAttr(columns, i)->attisdropped && !IsSameColumn(a, b, i)) return false;
  }
  return true;
}

}  // namespace fsubs
