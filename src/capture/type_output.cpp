#include "src/capture/type_output.hpp"

#include "src/capture/output_settings.hpp"

namespace fsubs {
namespace {

bool IsForeign(Oid function) {
  if (function < FirstNormalObjectId) return false;
  // An extension's type may use a function of PostgreSQL's under another name, as citext does.
  const HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(tuple)) return true;
  const Oid language = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang;
  ReleaseSysCache(tuple);
  return language != INTERNALlanguageId;
}

uint32_t SettingsReadBy(Oid type) {
  switch (type) {
    case DATEOID:
    case TIMESTAMPOID:
      return kReadsDateStyle;
    case TIMESTAMPTZOID:
      return kReadsDateStyle | kReadsTimeZone;
    case INTERVALOID:
      return kReadsIntervalStyle;
    case FLOAT4OID:
    case FLOAT8OID:
    case POINTOID:
    case LSEGOID:
    case PATHOID:
    case BOXOID:
    case POLYGONOID:
    case LINEOID:
    case CIRCLEOID:
      return kReadsFloatDigits;
    case BYTEAOID:
      return kReadsByteaOutput;
    case MONEYOID:
      return kReadsMonetaryLocale;
    case REGPROCOID:
    case REGPROCEDUREOID:
    case REGOPEROID:
    case REGOPERATOROID:
    case REGCLASSOID:
    case REGTYPEOID:
    case REGCONFIGOID:
    case REGDICTIONARYOID:
    case REGNAMESPACEOID:
    case REGROLEOID:
    case REGCOLLATIONOID:
      return kReadsNames;
    default:
      return 0;
  }
}

void ExamineBase(Oid type, Oid table_owner, TypeOutput* output) {
  output->can_hold_json = output->can_hold_json || type == JSONOID;
  output->reads |= SettingsReadBy(type);
  if (type < FirstNormalObjectId) return;
  if (OidIsValid(FindJsonCast(type, table_owner))) {
    *output = {kReadsAnySetting, true, true};
    return;
  }
  Oid function;
  bool is_varlena;
  getTypeOutputInfo(type, &function, &is_varlena);
  if (IsForeign(function)) {
    output->reads = kReadsAnySetting;
    output->runs_foreign_code = true;
  }
}

void ExamineComposite(Oid type, Oid table_owner, TypeOutput* output) {
  const TupleDesc columns = lookup_rowtype_tupdesc_copy(type, -1);
  for (int i = 0; i < columns->natts; ++i) {
    const FormData_pg_attribute* const column = TupleDescAttr(columns, i);
    if (!column->attisdropped) Examine(getBaseType(column->atttypid), table_owner, output);
  }
  FreeTupleDesc(columns);
}

bool IsTrusted(Oid function, Oid table_owner) {
  const HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(tuple)) return false;
  const Oid owner = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->proowner;
  ReleaseSysCache(tuple);
  return has_privs_of_role(owner, table_owner);
}

}  // namespace

Oid FindJsonCast(Oid type, Oid table_owner) {
  if (type < FirstNormalObjectId) return InvalidOid;
  Oid function;
  const CoercionPathType path = find_coercion_pathway(JSONOID, type, COERCION_EXPLICIT, &function);
  return path == COERCION_PATH_FUNC && IsTrusted(function, table_owner) ? function : InvalidOid;
}

void Examine(Oid type, Oid table_owner, TypeOutput* output) {
  check_stack_depth();
  const Oid element = get_element_type(type);
  if (OidIsValid(element)) return Examine(getBaseType(element), table_owner, output);
  switch (get_typtype(type)) {
    case TYPTYPE_COMPOSITE:
      return ExamineComposite(type, table_owner, output);
    case TYPTYPE_RANGE:
      ExamineBase(type, table_owner, output);
      return Examine(getBaseType(get_range_subtype(type)), table_owner, output);
    case TYPTYPE_MULTIRANGE:
      ExamineBase(type, table_owner, output);
      return Examine(get_multirange_range(type), table_owner, output);
    default:
      return ExamineBase(type, table_owner, output);
  }
}

}  // namespace fsubs
