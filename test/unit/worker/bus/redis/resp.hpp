// RESP as a server writes and reads it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fsubs {

inline std::string Bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}
inline std::string Array(const std::vector<std::string>& parts) {
  std::string array = "*" + std::to_string(parts.size()) + "\r\n";
  for (const std::string& part : parts) array += part;
  return array;
}

using CommandWords = std::vector<std::string>;

// Take the first command off `bytes`, if all of it is there.
inline std::optional<CommandWords> TakeCommand(std::string* bytes) {
  size_t at = 0;
  const auto number = [&]() -> std::optional<size_t> {
    const size_t end = bytes->find("\r\n", at);
    if (end == std::string::npos) return std::nullopt;
    const size_t value = std::stoul(bytes->substr(at + 1, end - at - 1));
    at = end + 2;
    return value;
  };
  const auto count = number();
  if (!count) return std::nullopt;
  CommandWords words;
  for (size_t i = 0; i < *count; ++i) {
    const auto length = number();
    if (!length || at + *length + 2 > bytes->size()) return std::nullopt;
    words.push_back(bytes->substr(at, *length));
    at += *length + 2;
  }
  bytes->erase(0, at);
  return words;
}

// All commands of `bytes`.
inline std::vector<CommandWords> TakeCommands(std::string bytes) {
  std::vector<CommandWords> commands;
  while (auto command = TakeCommand(&bytes)) commands.push_back(std::move(*command));
  return commands;
}

}  // namespace fsubs
