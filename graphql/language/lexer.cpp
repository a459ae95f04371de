#include "graphql/language/lexer.hpp"

#include <cstdio>
#include <cstring>

#include "graphql/language/ascii.hpp"
#include "graphql/language/utf8.hpp"

namespace fsubs::graphql {
namespace {

bool IsNameStart(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool IsNameContinue(unsigned char c) {
  return IsNameStart(c) || IsDigit(c);
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
  if (text.empty()) return "";
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

}  // namespace fsubs::graphql
