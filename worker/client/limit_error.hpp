// What a client is told when it reaches a limit.
#pragma once

#include <cstdint>

#include "contract/limit.hpp"
#include "worker/operation/error.hpp"
#include "worker/socket/http.hpp"

namespace fsubs {

// LIMIT_EXCEEDED or RATE_LIMITED, with the key.
Error LimitError(LimitKey limit);

// The reply with it.
HttpReply ReplyWithLimit(LimitKey limit, uint64_t retry_after_s);

}  // namespace fsubs
