#include "graphql/lexer.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <vector>

#include "graphql/utf8.hpp"

namespace fsubs::graphql {
namespace {

bool IsDigit(unsigned char c) {
  return c >= '0' && c <= '9';
}
bool IsNameStart(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool IsNameContinue(unsigned char c) {
  return IsNameStart(c) || IsDigit(c);
}

int HexDigit(unsigned char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// The value of a block string (specification, section 2.9.4, BlockStringValue): common indentation
// and blank first and last lines go.
std::string DedentBlockString(const std::string& raw) {
  std::vector<std::string_view> lines;
  for (size_t start = 0;;) {
    const size_t end = raw.find_first_of("\r\n", start);
    lines.push_back(std::string_view(raw).substr(start, end - start));
    if (end == std::string::npos) break;
    start = end + (raw[end] == '\r' && end + 1 < raw.size() && raw[end + 1] == '\n' ? 2 : 1);
  }
  const auto indent_of = [](std::string_view line) { return line.find_first_not_of(" \t"); };
  size_t common = std::string::npos;
  size_t first = std::string::npos;
  size_t last = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const size_t indent = indent_of(lines[i]);
    if (indent == std::string_view::npos) continue;
    if (first == std::string::npos) first = i;
    last = i;
    if (i != 0) common = std::min(common, indent);
  }
  std::string value;
  if (first == std::string::npos) return value;
  for (size_t i = first; i <= last; ++i) {
    if (i != first) value += '\n';
    std::string_view line = lines[i];
    if (i != 0 && common != std::string::npos) line.remove_prefix(std::min(common, line.size()));
    value += line;
  }
  return value;
}

}  // namespace

std::string Describe(TokenKind kind) {
  switch (kind) {
    case TokenKind::kStart:
      return "<SOF>";
    case TokenKind::kEnd:
      return "<EOF>";
    case TokenKind::kBang:
      return "\"!\"";
    case TokenKind::kDollar:
      return "\"$\"";
    case TokenKind::kAmp:
      return "\"&\"";
    case TokenKind::kParenLeft:
      return "\"(\"";
    case TokenKind::kParenRight:
      return "\")\"";
    case TokenKind::kSpread:
      return "\"...\"";
    case TokenKind::kColon:
      return "\":\"";
    case TokenKind::kEquals:
      return "\"=\"";
    case TokenKind::kAt:
      return "\"@\"";
    case TokenKind::kBracketLeft:
      return "\"[\"";
    case TokenKind::kBracketRight:
      return "\"]\"";
    case TokenKind::kBraceLeft:
      return "\"{\"";
    case TokenKind::kPipe:
      return "\"|\"";
    case TokenKind::kBraceRight:
      return "\"}\"";
    case TokenKind::kName:
      return "Name";
    case TokenKind::kInt:
      return "Int";
    case TokenKind::kFloat:
      return "Float";
    case TokenKind::kString:
      return "String";
    case TokenKind::kBlockString:
      break;
  }
  return "BlockString";
}

std::string Describe(const Token& token) {
  std::string text = Describe(token.kind);
  if (token.kind >= TokenKind::kName) text.append(" \"").append(token.text).append("\"");
  return text;
}

void Lexer::Fail(uint32_t offset, std::string message) const {
  throw SyntaxError{offset, std::move(message)};
}

std::string Lexer::CodePointAt(uint32_t offset) const {
  if (offset >= source_.size()) return "<EOF>";
  const unsigned char byte = At(offset);
  if (byte == '"') return "'\"'";
  if (byte >= 0x20 && byte <= 0x7E) return std::string("\"") + static_cast<char>(byte) + "\"";
  uint32_t code = 0;
  if (DecodeUtf8(source_, offset, &code) == 0) code = byte;
  char text[16];
  std::snprintf(text, sizeof(text), "U+%04X", code);
  return text;
}

std::string_view Lexer::Keep(std::string_view text) {
  if (text.empty()) return {};
  auto* const copy = static_cast<char*>(arena_->allocate(text.size(), 1));
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

void Lexer::SkipIgnored() {
  while (at_ < source_.size()) {
    const unsigned char c = At(at_);
    if (c == ' ' || c == '\t' || c == ',' || c == '\n' || c == '\r') {
      ++at_;
    } else if (c == 0xEF && At(at_ + 1) == 0xBB && At(at_ + 2) == 0xBF) {
      at_ += 3;  // byte order mark
    } else if (c == '#') {
      while (at_ < source_.size() && At(at_) != '\n' && At(at_) != '\r') {
        uint32_t code;
        const uint32_t length = DecodeUtf8(source_, at_, &code);
        if (length == 0) Fail(at_, "Unexpected character: " + CodePointAt(at_) + ".");
        at_ += length;
      }
    } else {
      return;
    }
  }
}

Token Lexer::Punctuator(TokenKind kind, uint32_t length) {
  const Token token{kind, at_, at_ + length, source_.substr(at_, length)};
  at_ += length;
  return token;
}

Token Lexer::Next() {
  SkipIgnored();
  if (at_ >= source_.size()) return {TokenKind::kEnd, at_, at_, {}};
  const unsigned char c = At(at_);
  switch (c) {
    case '!':
      return Punctuator(TokenKind::kBang, 1);
    case '$':
      return Punctuator(TokenKind::kDollar, 1);
    case '&':
      return Punctuator(TokenKind::kAmp, 1);
    case '(':
      return Punctuator(TokenKind::kParenLeft, 1);
    case ')':
      return Punctuator(TokenKind::kParenRight, 1);
    case '.':
      if (At(at_ + 1) == '.' && At(at_ + 2) == '.') return Punctuator(TokenKind::kSpread, 3);
      break;
    case ':':
      return Punctuator(TokenKind::kColon, 1);
    case '=':
      return Punctuator(TokenKind::kEquals, 1);
    case '@':
      return Punctuator(TokenKind::kAt, 1);
    case '[':
      return Punctuator(TokenKind::kBracketLeft, 1);
    case ']':
      return Punctuator(TokenKind::kBracketRight, 1);
    case '{':
      return Punctuator(TokenKind::kBraceLeft, 1);
    case '|':
      return Punctuator(TokenKind::kPipe, 1);
    case '}':
      return Punctuator(TokenKind::kBraceRight, 1);
    case '"':
      return At(at_ + 1) == '"' && At(at_ + 2) == '"' ? ReadBlockString() : ReadString();
    case '\'':
      Fail(at_, "Unexpected single quote character ('), did you mean to use a double quote (\")?");
    default:
      break;
  }
  if (IsDigit(c) || c == '-') return ReadNumber();
  if (IsNameStart(c)) return ReadName();
  uint32_t code;
  if (c >= 0x80 && DecodeUtf8(source_, at_, &code) == 0) {
    Fail(at_, "Invalid character: " + CodePointAt(at_) + ".");
  }
  Fail(at_, "Unexpected character: " + CodePointAt(at_) + ".");
}

Token Lexer::ReadName() {
  const uint32_t start = at_;
  while (IsNameContinue(At(at_))) ++at_;
  return {TokenKind::kName, start, at_, source_.substr(start, at_ - start)};
}

void Lexer::ReadDigits() {
  if (!IsDigit(At(at_))) {
    Fail(at_, "Invalid number, expected digit but got: " + CodePointAt(at_) + ".");
  }
  while (IsDigit(At(at_))) ++at_;
}

Token Lexer::ReadNumber() {
  const uint32_t start = at_;
  bool is_float = false;
  if (At(at_) == '-') ++at_;
  if (At(at_) == '0') {
    ++at_;
    if (IsDigit(At(at_))) {
      Fail(at_, "Invalid number, unexpected digit after 0: " + CodePointAt(at_) + ".");
    }
  } else {
    ReadDigits();
  }
  if (At(at_) == '.') {
    is_float = true;
    ++at_;
    ReadDigits();
  }
  if (At(at_) == 'e' || At(at_) == 'E') {
    is_float = true;
    ++at_;
    if (At(at_) == '+' || At(at_) == '-') ++at_;
    ReadDigits();
  }
  if (At(at_) == '.' || IsNameStart(At(at_))) {
    Fail(at_, "Invalid number, expected digit but got: " + CodePointAt(at_) + ".");
  }
  return {is_float ? TokenKind::kFloat : TokenKind::kInt, start, at_,
          source_.substr(start, at_ - start)};
}

void Lexer::CopyCodePoint(std::string* value) {
  uint32_t code;
  const uint32_t length = DecodeUtf8(source_, at_, &code);
  if (length == 0)
    Fail(at_, std::string("Invalid character within String: ") + CodePointAt(at_) + ".");
  value->append(source_, at_, length);
  at_ += length;
}

uint32_t Lexer::ReadFixedEscape(uint32_t at) const {
  uint32_t code = 0;
  for (uint32_t i = 0; i < 4; ++i) {
    const int digit = HexDigit(At(at + i));
    if (digit < 0) return UINT32_MAX;
    code = code << 4 | static_cast<uint32_t>(digit);
  }
  return code;
}

void Lexer::ReadEscape(std::string* value) {
  const uint32_t start = at_;
  const auto text = [&](uint32_t length) {
    return std::string(source_.substr(start, std::min<size_t>(length, source_.size() - start)));
  };
  const auto bad_unicode = [&](uint32_t length) {
    Fail(start, "Invalid Unicode escape sequence: \"" + text(length) + "\".");
  };
  switch (At(at_ + 1)) {
    case '"':
    case '\\':
    case '/':
      *value += static_cast<char>(At(at_ + 1));
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
    case 'u': {
      if (At(at_ + 2) == '{') {
        uint32_t code = 0;
        uint32_t size = 3;
        while (size < 12) {
          const unsigned char c = At(at_ + size++);
          if (c == '}') {
            if (size < 5 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) break;
            AppendUtf8(code, value);
            at_ += size;
            return;
          }
          const int digit = HexDigit(c);
          if (digit < 0 || code > 0x10FFFF) break;
          code = code << 4 | static_cast<uint32_t>(digit);
        }
        bad_unicode(size);
      }
      uint32_t code = ReadFixedEscape(at_ + 2);
      if (code == UINT32_MAX) bad_unicode(6);
      at_ += 6;
      if (code >= 0xD800 && code <= 0xDBFF && At(at_) == '\\' && At(at_ + 1) == 'u') {
        const uint32_t trailing = ReadFixedEscape(at_ + 2);
        if (trailing < 0xDC00 || trailing > 0xDFFF) bad_unicode(6);
        code = 0x10000 + ((code - 0xD800) << 10) + (trailing - 0xDC00);
        at_ += 6;
      } else if (code >= 0xD800 && code <= 0xDFFF) {
        bad_unicode(6);
      }
      AppendUtf8(code, value);
      return;
    }
    default:
      Fail(at_, "Invalid character escape sequence: \"" + text(2) + "\".");
  }
  at_ += 2;
}

Token Lexer::ReadString() {
  const uint32_t start = at_++;
  std::string value;
  for (;;) {
    const unsigned char c = At(at_);
    if (at_ >= source_.size() || c == '\n' || c == '\r') Fail(at_, "Unterminated string.");
    if (c == '"') break;
    if (c == '\\') {
      ReadEscape(&value);
      continue;
    }
    if (c < 0x20 && c != '\t') {
      Fail(at_, "Invalid character within String: " + CodePointAt(at_) + ".");
    }
    CopyCodePoint(&value);
  }
  ++at_;
  return {TokenKind::kString, start, at_, Keep(value)};
}

Token Lexer::ReadBlockString() {
  const uint32_t start = at_;
  at_ += 3;
  std::string raw;
  for (;;) {
    const std::string_view rest = source_.substr(at_);
    if (rest.empty()) Fail(at_, "Unterminated string.");
    if (rest.starts_with("\"\"\"")) break;
    if (rest.starts_with("\\\"\"\"")) {
      raw += "\"\"\"";
      at_ += 4;
      continue;
    }
    const unsigned char c = At(at_);
    if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') {
      Fail(at_, "Invalid character within String: " + CodePointAt(at_) + ".");
    }
    CopyCodePoint(&raw);
  }
  at_ += 3;
  return {TokenKind::kBlockString, start, at_, Keep(DedentBlockString(raw))};
}

}  // namespace fsubs::graphql
