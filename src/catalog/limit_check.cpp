// Whether what is given to fraiseql_set_limits() and as a `rate_limit` are limits.
#include "src/base/pg_compat.hpp"

#include "contract/limit.hpp"
#include "src/base/sql_text.hpp"

namespace fsubs {
namespace {

// Null and empty are no limit.
void CheckValue(FunctionCallInfo fcinfo, int argument, const LimitKind& kind) {
  const std::string_view given = Utf8Argument(fcinfo, argument);
  LimitValue value;
  const char* const problem = given.empty() ? nullptr : ParseLimit(kind.form, given, &value);
  if (problem == nullptr) return;
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("invalid value \"%s\" of %s",
                         TextDatumGetCString(PG_GETARG_DATUM(argument)), kind.key),
                  errdetail("%s", problem), errhint("%s", HintOf(kind.form))));
}

}  // namespace
}  // namespace fsubs

// (key, value, of a role)
FSUBS_FUNCTION(fsubs_check_limit) {
  using namespace fsubs;
  const auto key = FindLimit(Utf8Argument(fcinfo, 0));
  if (!key) {
    StringInfoData known;
    initStringInfo(&known);
    for (size_t i = 0; i < IndexOf(LimitKey::kRateLimit); ++i) {
      appendStringInfo(&known, "%s%s", i == 0 ? "" : ", ", kLimitKinds[i].key);
    }
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("there is no limit \"%s\"", TextDatumGetCString(PG_GETARG_DATUM(0))),
                    errdetail("There are %s.", known.data)));
  }
  const LimitKind& kind = KindOf(*key);
  if (kind.is_of_address && PG_GETARG_BOOL(2)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("%s cannot be the limit of a role", kind.key),
                    errdetail("It counts before it is known who connects."),
                    errhint("Set it for everybody: the role is null.")));
  }
  CheckValue(fcinfo, 1, kind);
  PG_RETURN_VOID();
}

FSUBS_FUNCTION(fsubs_check_rate_limit) {
  using namespace fsubs;
  CheckValue(fcinfo, 0, KindOf(LimitKey::kRateLimit));
  PG_RETURN_VOID();
}
