// Strings and block strings (October 2021 specification, section 2.9.4).
#include <algorithm>

#include "graphql/language/block_string.hpp"
#include "graphql/language/lexer.hpp"
#include "graphql/language/utf8.hpp"

namespace fsubs::graphql {
namespace {

// -1 if `c` is no digit.
int32_t HexDigit(unsigned char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool IsLeadingSurrogate(uint32_t code) {
  return code >= 0xD800 && code <= 0xDBFF;
}
bool IsTrailingSurrogate(uint32_t code) {
  return code >= 0xDC00 && code <= 0xDFFF;
}
bool IsScalarValue(uint32_t code) {
  return code <= 0x10FFFF && !IsLeadingSurrogate(code) && !IsTrailingSurrogate(code);
}

}  // namespace

void Lexer::SkipCodePoint() {
  uint32_t code;
  const uint32_t length = DecodeUtf8(source_, at_, &code);
  if (length == 0) Fail(at_, "Invalid character within String: " + CodePointAt(at_) + ".");
  at_ += length;
}

void Lexer::FailEscape(const char* problem, uint32_t units) const {
  uint32_t end = at_;
  while (end < source_.size()) {
    uint32_t code = 0;
    const uint32_t length = std::max(DecodeUtf8(source_, end, &code), 1U);
    const uint32_t width = code > 0xFFFF ? 2 : 1;
    if (width > units) break;
    units -= width;
    end += length;
  }
  Fail(at_, problem + (": \"" + std::string(source_.substr(at_, end - at_))) + "\".");
}

uint32_t Lexer::FixedEscapeAt(uint32_t offset) const {
  uint32_t code = 0;
  for (uint32_t i = 0; i < 4; ++i) {
    const int32_t digit = HexDigit(At(offset + i));
    if (digit < 0) return UINT32_MAX;
    code = code << 4 | static_cast<uint32_t>(digit);
  }
  return code;
}

void Lexer::ReadUnicodeEscape(std::string* value) {
  constexpr const char* kProblem = "Invalid Unicode escape sequence";
  if (At(at_ + 2) == '{') {
    uint32_t code = 0;
    uint32_t size = 3;
    // Longer than \u{00000000} is no code point, however many zeros it begins with.
    while (size < 12) {
      const unsigned char c = At(at_ + size++);
      if (c == '}') {
        if (size < 5 || !IsScalarValue(code)) break;
        AppendUtf8(code, value);
        at_ += size;
        return;
      }
      const int32_t digit = HexDigit(c);
      if (digit < 0) break;
      code = code << 4 | static_cast<uint32_t>(digit);
      if (code > INT32_MAX) break;
    }
    FailEscape(kProblem, size);
  }
  const uint32_t code = FixedEscapeAt(at_ + 2);
  if (IsScalarValue(code)) {
    AppendUtf8(code, value);
    at_ += 6;
    return;
  }
  const uint32_t trailing = IsLeadingSurrogate(code) && At(at_ + 6) == '\\' && At(at_ + 7) == 'u'
                                ? FixedEscapeAt(at_ + 8)
                                : UINT32_MAX;
  if (!IsTrailingSurrogate(trailing)) FailEscape(kProblem, 6);
  AppendUtf8(0x10000 + ((code - 0xD800) << 10) + (trailing - 0xDC00), value);
  at_ += 12;
}

void Lexer::ReadEscape(std::string* value) {
  const unsigned char c = At(at_ + 1);
  switch (c) {
    case 'u':
      ReadUnicodeEscape(value);
      return;
    case '"':
    case '\\':
    case '/':
      *value += static_cast<char>(c);
      break;
    case 'b':
      *value += '\b';
      break;
    case 'f':
      *value += '\f';
      break;
    case 'n':
      *value += '\n';
      break;
    case 'r':
      *value += '\r';
      break;
    case 't':
      *value += '\t';
      break;
    default:
      FailEscape("Invalid character escape sequence", 2);
  }
  at_ += 2;
}

Token Lexer::ReadString() {
  const uint32_t start = at_++;
  uint32_t chunk = at_;
  bool escaped = false;
  std::string value;
  for (;;) {
    const unsigned char c = At(at_);
    if (at_ >= source_.size() || c == '\n' || c == '\r') Fail(at_, "Unterminated string.");
    if (c == '"') break;
    if (c != '\\') {
      SkipCodePoint();
      continue;
    }
    escaped = true;
    value.append(source_, chunk, at_ - chunk);
    ReadEscape(&value);
    chunk = at_;
  }
  std::string_view text = source_.substr(chunk, at_ - chunk);
  if (escaped) text = Keep(value.append(text));
  ++at_;
  return {TokenKind::kString, start, at_, text};
}

Token Lexer::ReadBlockString() {
  const uint32_t start = at_;
  at_ += 3;
  uint32_t chunk = at_;
  std::string raw;
  for (;;) {
    const std::string_view rest = source_.substr(at_);
    if (rest.empty()) Fail(at_, "Unterminated string.");
    if (rest.starts_with("\"\"\"")) break;
    if (rest.starts_with("\\\"\"\"")) {
      raw.append(source_, chunk, at_ - chunk);
      chunk = at_ + 1;
      at_ += 4;
      continue;
    }
    SkipCodePoint();
  }
  raw.append(source_, chunk, at_ - chunk);
  at_ += 3;
  return {TokenKind::kBlockString, start, at_, Keep(DedentBlockString(raw))};
}

}  // namespace fsubs::graphql
