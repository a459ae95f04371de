#include "src/capture/row_compare.hpp"

namespace fsubs {
namespace {

bool IsSameValue(Datum a, Datum b, const FormData_pg_attribute* column) {
  if (column->attlen == -1) {
    // An UPDATE copies the pointer to a large value it does not touch: do not read the value twice.
    const char* const pointer_a = DatumGetPointer(a);
    const char* const pointer_b = DatumGetPointer(b);
    if (VARATT_IS_EXTERNAL_ONDISK(pointer_a) && VARATT_IS_EXTERNAL_ONDISK(pointer_b) &&
        memcmp(pointer_a, pointer_b, VARSIZE_EXTERNAL(pointer_a)) == 0) {
      return true;
    }
  }
  return datum_image_eq(a, b, column->attbyval, column->attlen);
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
