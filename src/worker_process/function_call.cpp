#include "src/worker_process/function_call.hpp"

#include "src/worker_process/side_door_client.hpp"

namespace fsubs {
namespace {

constexpr int kMostArguments = 3;

Oid FindOid(const char* schema, const char* name, int arguments) {
  const Oid namespace_oid = get_namespace_oid(schema, true);
  if (!OidIsValid(namespace_oid)) return InvalidOid;
  static constexpr Oid kTypes[kMostArguments] = {JSONBOID, JSONBOID, JSONBOID};
  return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
                         PointerGetDatum(buildoidvector(kTypes, arguments)),
                         ObjectIdGetDatum(namespace_oid));
}

const char* Signature(const char* qualified, int arguments) {
  return psprintf("%s(%s)", qualified, arguments == 2 ? "jsonb, jsonb" : "jsonb, jsonb, jsonb");
}

// As jsonb_in, but for its error.
Datum SecretToJsonb(const char* json, const char* name) {
  const MemoryContext context = CurrentMemoryContext;
  volatile Datum value = 0;
  PG_TRY();
  { value = DirectFunctionCall1(jsonb_in, CStringGetDatum(json)); }
  PG_CATCH();
  {
    const int code = geterrcode();
    if (code == ERRCODE_QUERY_CANCELED) PG_RE_THROW();
    MemoryContextSwitchTo(context);
    FlushErrorState();
    ereport(ERROR,
            (errcode(code), errmsg("fraiseql_subs: a client's %s cannot be read as jsonb", name)));
  }
  PG_END_TRY();
  return value;
}

}  // namespace

OwnedFunction FindFunction(int elevel, const char* name, int arguments, const char* hint) {
  constexpr OwnedFunction kNone{InvalidOid, InvalidOid};
  List* parts = NIL;
  // Whoever took the name has seen to its form.
  if (!SplitIdentifierString(pstrdup(name), '.', &parts) || list_length(parts) != 2) {
    ereport(elevel, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                     errmsg("fraiseql_subs: \"%s\" names no function", name), errhint("%s", hint)));
    return kNone;
  }
  const char* const schema = static_cast<const char*>(linitial(parts));
  const char* const own = static_cast<const char*>(lsecond(parts));
  const char* const signature = Signature(quote_qualified_identifier(schema, own), arguments);
  const Oid oid = FindOid(schema, own, arguments);
  const HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(oid));
  if (!HeapTupleIsValid(tuple)) {
    ereport(elevel,
            (errcode(ERRCODE_UNDEFINED_FUNCTION),
             errmsg("fraiseql_subs: function %s does not exist", signature), errhint("%s", hint)));
    return kNone;
  }
  const auto row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
  const bool fits =
      row->prokind == PROKIND_FUNCTION && row->prorettype == JSONBOID && !row->proretset;
  const OwnedFunction found{oid, row->proowner};
  ReleaseSysCache(tuple);
  if (fits) return found;
  ereport(elevel, (errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
                   errmsg("fraiseql_subs: %s is no function that returns one jsonb", signature),
                   errhint("%s", hint)));
  return kNone;
}

NullableDatum JsonbOfMember(Jsonb* message, const char* name) {
  JsonbValue text;
  if (!FindMember(message, name, &text)) return {0, true};
  if (text.type != jbvString) {
    ereport(ERROR,
            (errcode(ERRCODE_PROTOCOL_VIOLATION),
             errmsg("fraiseql_subs: the worker sent a member \"%s\" that is no string", name)));
  }
  const char* const json = pnstrdup(text.val.string.val, text.val.string.len);
  return {SecretToJsonb(json, name), false};
}

Jsonb* CallAsOwner(const OwnedFunction& function, const NullableDatum* arguments, int count,
                   const char* claims) {
  LOCAL_FCINFO(call, kMostArguments);
  FmgrInfo info;
  fmgr_info(function.oid, &info);
  InitFunctionCallInfoData(*call, &info, static_cast<short>(count), InvalidOid, nullptr, nullptr);
  for (int i = 0; i < count; ++i) {
    call->args[i] = arguments[i];
    if (info.fn_strict && call->args[i].isnull) return nullptr;
  }

  // As a SECURITY DEFINER function. What would run when the transaction commits, which are deferred
  // triggers, or be found by the next call, which are temporary tables, is not allowed either: it
  // would be the executor that runs and owns it. An error undoes all of this.
  Oid executor;
  int security_context;
  GetUserIdAndSecContext(&executor, &security_context);
  const int settings_level = NewGUCNestLevel();
  if (claims != nullptr) {
    (void)set_config_option("request.jwt.claims", claims, PGC_USERSET, PGC_S_SESSION,
                            GUC_ACTION_SAVE, true, 0, false);
  }
  SetUserIdAndSecContext(function.owner, security_context | SECURITY_LOCAL_USERID_CHANGE |
                                             SECURITY_RESTRICTED_OPERATION);
  PushActiveSnapshot(GetTransactionSnapshot());
  const Datum result = FunctionCallInvoke(call);
  Jsonb* const returned = call->isnull ? nullptr : DatumGetJsonbP(result);
  PopActiveSnapshot();
  // Nor does a setting outlive the call.
  AtEOXact_GUC(false, settings_level);
  SetUserIdAndSecContext(executor, security_context);
  return returned;
}

void ReleaseAdvisoryLocks() {
  LockReleaseAll(USER_LOCKMETHOD, true);
}

}  // namespace fsubs
