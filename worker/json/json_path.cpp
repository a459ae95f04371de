#include "worker/json/json_path.hpp"

namespace fsubs {
namespace {

bool IsWordCharacter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         byte >= 0x80;
}

// Takes a name in double quotes, JSON's escapes included, from the front of `rest`.
std::optional<std::string> TakeQuoted(std::string_view* rest) {
  size_t end = 1;
  while (end < rest->size() && (*rest)[end] != '"') end += (*rest)[end] == '\\' ? 2 : 1;
  if (end >= rest->size()) return std::nullopt;
  JsonTree name;
  if (!name.ParseCopy(rest->substr(0, end + 1))) return std::nullopt;
  rest->remove_prefix(end + 1);
  return std::string(name.root().text());
}

std::optional<std::string> TakeWord(std::string_view* rest) {
  size_t end = 0;
  while (end < rest->size() && IsWordCharacter((*rest)[end])) ++end;
  if (end == 0) return std::nullopt;
  std::string word(rest->substr(0, end));
  rest->remove_prefix(end);
  return word;
}

}  // namespace

std::optional<JsonPath> ParseJsonPath(std::string_view text) {
  if (text.empty() || text.front() != '$') return std::nullopt;
  text.remove_prefix(1);
  JsonPath path;
  while (!text.empty()) {
    if (text.front() != '.') return std::nullopt;
    text.remove_prefix(1);
    std::optional<std::string> name =
        !text.empty() && text.front() == '"' ? TakeQuoted(&text) : TakeWord(&text);
    if (!name) return std::nullopt;
    path.push_back(std::move(*name));
  }
  return path;
}

std::optional<JsonValue> ValueAtPath(const JsonValue& data, const JsonPath& path) {
  std::optional<JsonValue> value = data;
  for (const std::string& name : path) {
    value = value->Find(name);
    if (!value) break;
  }
  return value;
}

}  // namespace fsubs
