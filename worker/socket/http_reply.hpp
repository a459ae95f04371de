// Replies as bytes (RFC 9112, section 4).
#pragma once

#include <string>
#include <string_view>

#include "worker/socket/http.hpp"

namespace fsubs {

// What the standard calls a status.
std::string_view ReasonOf(unsigned status);

enum class ReplyBody : uint8_t {
  kWhole,
  kOmitted,   // as to a HEAD, which is told its length
  kStreamed,  // it follows, up to the end of the connection
};

std::string FormatReply(const HttpReply& reply, ReplyBody body, bool keep_alive);

}  // namespace fsubs
