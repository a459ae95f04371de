#include "src/capture/capture_error.hpp"

#include "contract/event_record.hpp"
#include "src/capture/event_limits.hpp"

namespace fsubs {
namespace {

constexpr char kHowToWrite[] =
    "With fraiseql_subs.capture_failure set to \"tell\", the write succeeds and subscribers are "
    "told what is missing.";

// What has no place in UTF-8 is either no character or one that UTF-8 lacks.
int EncodingErrorCode() {
  const int encoding = GetDatabaseEncoding();
  return encoding == PG_UTF8 || encoding == PG_SQL_ASCII ? ERRCODE_CHARACTER_NOT_IN_REPERTOIRE
                                                         : ERRCODE_UNTRANSLATABLE_CHARACTER;
}

}  // namespace

void RaiseTooLarge() {
  const SizeLimit limit = LargestEvent();
  ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("event is too large"),
                  errdetail("The row change takes more than %zu bytes.", limit.bytes),
                  errhint("Increase fraiseql_subs.%s. %s", limit.setting, kHowToWrite)));
  pg_unreachable();
}

void RaiseQueueFull() {
  ereport(ERROR,
          (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many events in one transaction"),
           errdetail("They take more than fraiseql_subs.max_transaction_size."),
           errhint("Commit more often, or increase fraiseql_subs.max_transaction_size. %s",
                   kHowToWrite)));
  pg_unreachable();
}

void RaiseNoName(const char* table) {
  ereport(ERROR, (errcode(EncodingErrorCode()),
                  errmsg("names of watched table \"%s\" cannot be written in UTF-8", table),
                  errdetail("These are its own, those of its columns and its channel's."),
                  errhint("%s", kHowToWrite)));
  pg_unreachable();
}

void RaiseProblem(ValueProblem problem, const char* column) {
  switch (problem) {
    case ValueProblem::kTooLarge:
      RaiseTooLarge();
    case ValueProblem::kTooDeep:
      ereport(ERROR,
              (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("event data is nested too deeply"),
               errdetail("With column \"%s\", its depth is more than %zu.", column, kMaxDataDepth),
               errhint("%s", kHowToWrite)));
      break;
    case ValueProblem::kNotUtf8:
      ereport(ERROR, (errcode(EncodingErrorCode()),
                      errmsg("value of column \"%s\" cannot be written in UTF-8", column),
                      errhint("%s", kHowToWrite)));
      break;
    case ValueProblem::kNotJson:
      ereport(ERROR, (errcode(ERRCODE_INVALID_JSON_TEXT),
                      errmsg("value of column \"%s\" is no JSON for others", column),
                      errdetail("One of its strings has half of a surrogate pair."),
                      errhint("%s", kHowToWrite)));
      break;
    case ValueProblem::kNone:
    case ValueProblem::kUnwritable:
      break;
  }
  pg_unreachable();
}

}  // namespace fsubs
