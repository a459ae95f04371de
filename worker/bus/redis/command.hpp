// Commands to Redis as they go out: arrays of texts.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace fsubs {

inline void AppendCommand(std::span<const std::string_view> parts, std::string* out) {
  *out += '*';
  *out += std::to_string(parts.size());
  for (const std::string_view part : parts) {
    *out += "\r\n$";
    *out += std::to_string(part.size());
    *out += "\r\n";
    *out += part;
  }
  *out += "\r\n";
}

inline void AppendCommand(std::initializer_list<std::string_view> parts, std::string* out) {
  AppendCommand(std::span<const std::string_view>(parts.begin(), parts.size()), out);
}

template <typename... Parts>
std::string Command(const Parts&... parts) {
  std::string command;
  AppendCommand({std::string_view(parts)...}, &command);
  return command;
}

}  // namespace fsubs
