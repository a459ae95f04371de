#include "src/worker_process/authentication.hpp"

#include "src/base/guc.hpp"
#include "src/worker_process/side_door_client.hpp"

namespace fsubs {
namespace {

constexpr int kArgumentCount = 3;

struct Function {
  Oid oid;  // InvalidOid: there is none
  Oid owner;
};

int HintAtSetting() {
  return errhint("The setting fraiseql_subs.authenticate names it; nobody can log in without it.");
}

Oid FindOid(const char* schema, const char* name) {
  const Oid namespace_oid = get_namespace_oid(schema, true);
  if (!OidIsValid(namespace_oid)) return InvalidOid;
  const Oid types[kArgumentCount] = {JSONBOID, JSONBOID, JSONBOID};
  return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
                         PointerGetDatum(buildoidvector(types, kArgumentCount)),
                         ObjectIdGetDatum(namespace_oid));
}

// By name each time, so that it may be replaced. Reports at `elevel` if it cannot be called.
Function FindFunction(int elevel) {
  constexpr Function kNone{InvalidOid, InvalidOid};
  List* parts = NIL;
  // The setting's check has seen to its form.
  if (!SplitIdentifierString(pstrdup(settings::authenticate), '.', &parts) ||
      list_length(parts) != 2) {
    ereport(elevel, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                     errmsg("fraiseql_subs: the setting authenticate names no function")));
    return kNone;
  }
  const char* const schema = static_cast<const char*>(linitial(parts));
  const char* const name = static_cast<const char*>(lsecond(parts));
  const char* const qualified = quote_qualified_identifier(schema, name);
  const Oid oid = FindOid(schema, name);
  const HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(oid));
  if (!HeapTupleIsValid(tuple)) {
    ereport(elevel,
            (errcode(ERRCODE_UNDEFINED_FUNCTION),
             errmsg("fraiseql_subs: function %s(jsonb, jsonb, jsonb) does not exist", qualified),
             HintAtSetting()));
    return kNone;
  }
  const auto row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
  const bool fits =
      row->prokind == PROKIND_FUNCTION && row->prorettype == JSONBOID && !row->proretset;
  const Function found{oid, row->proowner};
  ReleaseSysCache(tuple);
  if (fits) return found;
  ereport(elevel, (errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
                   errmsg("fraiseql_subs: %s(jsonb, jsonb, jsonb) is no function that returns one "
                          "jsonb",
                          qualified),
                   HintAtSetting()));
  return kNone;
}

// As jsonb_in, but its error shows nothing of `json`: what a client presents itself with has
// secrets in it, and the error goes to the log.
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

// Texts of clients travel as strings, so that one which jsonb cannot hold fails its own log-in
// alone.
NullableDatum Argument(Jsonb* message, const char* name) {
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

const char* ClaimsText(Jsonb* claims) {
  if (!JB_ROOT_IS_OBJECT(claims)) {
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("fraiseql_subs: the function that authenticates clients returned no "
                           "JSON object")));
  }
  // In its binary form first: a text may take many times as much.
  const bool fits = VARSIZE(claims) <= side_door::kMaxClaimsLength;
  const char* const text = fits ? JsonbToCString(nullptr, &claims->root, VARSIZE(claims)) : nullptr;
  if (text == nullptr || strlen(text) > side_door::kMaxClaimsLength) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("fraiseql_subs: the function that authenticates clients returned claims "
                           "of more than %u bytes",
                           side_door::kMaxClaimsLength)));
  }
  return pg_server_to_any(text, static_cast<int>(strlen(text)), PG_UTF8);
}

}  // namespace

void WarnUnlessCallable() {
  (void)FindFunction(WARNING);
}

void ReleaseAdvisoryLocks() {
  LockReleaseAll(USER_LOCKMETHOD, true);
}

const char* CallAuthenticate(Jsonb* message) {
  const Function function = FindFunction(ERROR);
  LOCAL_FCINFO(call, kArgumentCount);
  FmgrInfo info;
  fmgr_info(function.oid, &info);
  InitFunctionCallInfoData(*call, &info, kArgumentCount, InvalidOid, nullptr, nullptr);
  call->args[0] = Argument(message, side_door::member::kClaims);
  call->args[1] = Argument(message, side_door::member::kInitPayload);
  call->args[2] = Argument(message, side_door::member::kHeaders);
  for (int i = 0; info.fn_strict && i < kArgumentCount; ++i) {
    if (call->args[i].isnull) return nullptr;
  }

  // As a SECURITY DEFINER function. What would run when the transaction commits, which are deferred
  // triggers, or be found by the next call, which are temporary tables, is not allowed either: it
  // would be the executor that runs and owns it. An error undoes all of this.
  Oid executor;
  int security_context;
  GetUserIdAndSecContext(&executor, &security_context);
  const int settings_level = NewGUCNestLevel();
  SetUserIdAndSecContext(function.owner, security_context | SECURITY_LOCAL_USERID_CHANGE |
                                             SECURITY_RESTRICTED_OPERATION);
  PushActiveSnapshot(GetTransactionSnapshot());
  const Datum result = FunctionCallInvoke(call);
  const char* const claims = call->isnull ? nullptr : ClaimsText(DatumGetJsonbP(result));
  PopActiveSnapshot();
  // Nor does a setting outlive the call.
  AtEOXact_GUC(false, settings_level);
  SetUserIdAndSecContext(executor, security_context);
  return claims;
}

}  // namespace fsubs
