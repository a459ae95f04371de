#include "worker/client/limit_error.hpp"

#include <string>

#include "worker/operation/errors_json.hpp"

namespace fsubs {

Error LimitError(LimitKey limit) {
  const LimitKind& kind = KindOf(limit);
  const bool is_rate = kind.form == LimitForm::kRate;
  Error error{std::string(is_rate ? "The rate " : "The limit ") + kind.key +
                  (is_rate ? " is passed." : " is reached."),
              is_rate ? kErrorRateLimited : kErrorLimitExceeded};
  error.extensions.push_back({"limit", std::string(kind.key)});
  return error;
}

HttpReply ReplyWithLimit(LimitKey limit, uint64_t retry_after_s) {
  HttpReply reply;
  reply.status = kHttpTooManyRequests;
  reply.content_type = "application/json; charset=utf-8";
  reply.body = ResponseWithoutData({LimitError(limit)});
  reply.headers = {{"retry-after", std::to_string(retry_after_s)}};
  return reply;
}

}  // namespace fsubs
