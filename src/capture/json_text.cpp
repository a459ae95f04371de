#include "src/capture/json_text.hpp"

namespace fsubs {
namespace {

bool IsPlain(unsigned char c) {
  return c >= 0x20 && c != '"' && c != '\\';
}

void AppendEscape(StringInfo out, char c) {
  switch (c) {
    case '\b':
      return appendStringInfoString(out, "\\b");
    case '\f':
      return appendStringInfoString(out, "\\f");
    case '\n':
      return appendStringInfoString(out, "\\n");
    case '\r':
      return appendStringInfoString(out, "\\r");
    case '\t':
      return appendStringInfoString(out, "\\t");
    case '"':
      return appendStringInfoString(out, "\\\"");
    case '\\':
      return appendStringInfoString(out, "\\\\");
    default:
      return appendStringInfo(out, "\\u%04x", static_cast<unsigned char>(c));
  }
}

enum class Surrogate { kNone, kHigh, kLow };

// Which half of a pair the four hexadecimal digits stand for.
Surrogate SurrogateOf(const char* digits) {
  if (digits[0] != 'd' && digits[0] != 'D') return Surrogate::kNone;
  if (strchr("89abAB", digits[1]) != nullptr) return Surrogate::kHigh;
  return strchr("cdefCDEF", digits[1]) != nullptr ? Surrogate::kLow : Surrogate::kNone;
}

}  // namespace

bool AppendJsonString(StringInfo out, std::string_view text, size_t limit) {
  if (out->len + text.size() + 2 > limit) return false;
  enlargeStringInfo(out, static_cast<int>(text.size() + 2));
  appendStringInfoCharMacro(out, '"');
  size_t start = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (likely(IsPlain(static_cast<unsigned char>(text[at])))) continue;
    appendBinaryStringInfo(out, text.data() + start, static_cast<int>(at - start));
    AppendEscape(out, text[at]);
    start = at + 1;
    if (static_cast<size_t>(out->len) > limit) return false;
  }
  appendBinaryStringInfo(out, text.data() + start, static_cast<int>(text.size() - start));
  appendStringInfoChar(out, '"');
  return static_cast<size_t>(out->len) <= limit;
}

size_t JsonDepth(std::string_view json) {
  size_t depth = 0;
  size_t deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = ++depth > deepest ? depth : deepest;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return deepest;
}

bool HasLoneSurrogate(std::string_view json) {
  size_t at = json.find('\\');
  while (at != std::string_view::npos) {
    if (json[at + 1] != 'u') {
      at = json.find('\\', at + 2);
      continue;
    }
    const Surrogate surrogate = SurrogateOf(json.data() + at + 2);
    at += 6;
    if (surrogate == Surrogate::kLow) return true;
    if (surrogate == Surrogate::kHigh) {
      // Six bytes may follow, or the string's end and what comes behind it.
      if (json.size() - at < 6 || json[at] != '\\' || json[at + 1] != 'u') return true;
      if (SurrogateOf(json.data() + at + 2) != Surrogate::kLow) return true;
      at += 6;
    }
    at = json.find('\\', at);
  }
  return false;
}

}  // namespace fsubs
