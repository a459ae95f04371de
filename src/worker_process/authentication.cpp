#include "src/worker_process/authentication.hpp"

#include "src/base/guc.hpp"
#include "src/worker_process/function_call.hpp"
#include "src/worker_process/side_door_client.hpp"

namespace fsubs {
namespace {

constexpr int kArgumentCount = 3;
constexpr char kHint[] =
    "The setting fraiseql_subs.authenticate names it; nobody can log in without it.";

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
  (void)FindFunction(WARNING, settings::authenticate, kArgumentCount, kHint);
}

const char* CallAuthenticate(Jsonb* message) {
  const OwnedFunction function = FindFunction(ERROR, settings::authenticate, kArgumentCount, kHint);
  const NullableDatum arguments[kArgumentCount] = {
      JsonbOfMember(message, side_door::member::kClaims),
      JsonbOfMember(message, side_door::member::kInitPayload),
      JsonbOfMember(message, side_door::member::kHeaders)};
  Jsonb* const claims = CallAsOwner(function, arguments, kArgumentCount);
  return claims == nullptr ? nullptr : ClaimsText(claims);
}

}  // namespace fsubs
