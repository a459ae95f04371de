// Tokens of a GraphQL document (October 2021 specification, section 2.1).
#pragma once

#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>

namespace fsubs::graphql {

enum class TokenKind : uint8_t {
  kStart,
  kEnd,
  kBang,
  kDollar,
  kAmp,
  kParenLeft,
  kParenRight,
  kSpread,
  kColon,
  kEquals,
  kAt,
  kBracketLeft,
  kBracketRight,
  kBraceLeft,
  kPipe,
  kBraceRight,
  kName,
  kInt,
  kFloat,
  kString,
  kBlockString,
};

struct Token {
  TokenKind kind = TokenKind::kStart;
  uint32_t offset = 0;
  uint32_t end = 0;
  std::string_view text;  // name, number as written, string's decoded value
};

// How graphql-js names a kind in messages: punctuators in quotes, others plain.
std::string Describe(TokenKind kind);
std::string Describe(const Token& token);

// Thrown inside graphql/ only; ParseDocument turns it into an Error.
struct SyntaxError {
  uint32_t offset;
  std::string message;  // without the prefix "Syntax Error: "
};

class Lexer {
 public:
  // Decoded strings that differ from their source are kept in `arena`. Both outlive the tokens.
  Lexer(std::string_view source, std::pmr::memory_resource* arena)
      : source_(source), arena_(arena) {}

  // The next token that is not ignored. Throws SyntaxError.
  Token Next();

 private:
  void SkipIgnored();
  Token Punctuator(TokenKind kind, uint32_t length);
  Token ReadName();
  Token ReadNumber();
  Token ReadString();
  Token ReadBlockString();
  void ReadEscape(std::string* value);
  void ReadUnicodeEscape(std::string* value);
  // The value of four hexadecimal digits, or UINT32_MAX if they are not.
  uint32_t FixedEscapeAt(uint32_t offset) const;
  // Fails at the escape that is being read and quotes its first `units` UTF-16 units.
  [[noreturn]] void FailEscape(const char* problem, uint32_t units) const;
  void SkipCodePoint();
  void ReadDigits();
  unsigned char At(uint32_t offset) const {
    return offset < source_.size() ? static_cast<unsigned char>(source_[offset]) : 0;
  }
  std::string CodePointAt(uint32_t offset) const;
  std::string_view Keep(std::string_view text);
  [[noreturn]] void Fail(uint32_t offset, std::string message) const;

  const std::string_view source_;
  std::pmr::memory_resource* const arena_;
  uint32_t at_ = 0;
};

}  // namespace fsubs::graphql
