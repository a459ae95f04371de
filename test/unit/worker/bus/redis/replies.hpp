// Replies of Redis, as they have been read.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "worker/bus/redis/reply.hpp"

namespace fsubs {

inline Reply TextReply(const std::string& text) {
  return {.type = Reply::Type::kText, .text = text};
}
inline Reply ErrorReply(const std::string& text) {
  return {.type = Reply::Type::kError, .text = text};
}
inline Reply ArrayReply(std::vector<Reply> elements) {
  return {.type = Reply::Type::kArray, .elements = std::move(elements)};
}

}  // namespace fsubs
