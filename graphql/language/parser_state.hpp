// The parser's state and its functions, one per production of the grammar. Private to parser*.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "graphql/language/ast.hpp"
#include "graphql/language/lexer.hpp"
#include "graphql/language/parser.hpp"

namespace fsubs::graphql {

// Every function throws SyntaxError where the source does not follow the grammar.
class Parser {
 public:
  Parser(Document* document, const ParseLimits& limits)
      : document_(document), limits_(limits), lexer_(document->source(), document->arena()) {
    Advance();
  }

  void ParseDefinitions();
  const FieldDefinition* ParseSingleField();

 private:
  // Counts one level of nesting for as long as it lives.
  class Nesting {
   public:
    explicit Nesting(Parser* parser) : parser_(parser) {
      if (++parser_->depth_ > parser_->limits_.max_depth) {
        throw SyntaxError{parser_->token_.offset, "Document is nested more than " +
                                                      std::to_string(parser_->limits_.max_depth) +
                                                      " levels deep."};
      }
    }
    ~Nesting() { --parser_->depth_; }

   private:
    Parser* const parser_;
  };

  // At each point the lexer has read as far as that of graphql-js, so that of two errors the same
  // one is reported. Tokens are read one at a time, and ahead only where the grammar needs it.
  void Advance() {
    last_end_ = token_.end;
    token_ = LookAhead();
    ahead_.reset();
    if (token_.kind == TokenKind::kEnd) return;
    if (++tokens_ % kTokensPerCheckpoint == 0) limits_.checkpoint();
    if (tokens_ > limits_.max_tokens) {
      throw SyntaxError{token_.offset, "Document contains more that " +
                                           std::to_string(limits_.max_tokens) +
                                           " tokens. Parsing aborted."};
    }
  }
  const Token& LookAhead() {
    if (!ahead_) ahead_ = token_.kind == TokenKind::kEnd ? token_ : lexer_.Next();
    return *ahead_;
  }

  bool Peek(TokenKind kind) const { return token_.kind == kind; }
  bool PeekKeyword(std::string_view word) const {
    return token_.kind == TokenKind::kName && token_.text == word;
  }
  bool Skip(TokenKind kind) {
    if (!Peek(kind)) return false;
    Advance();
    return true;
  }
  bool SkipKeyword(std::string_view word) {
    if (!PeekKeyword(word)) return false;
    Advance();
    return true;
  }
  Token Expect(TokenKind kind) {
    if (!Peek(kind)) {
      throw SyntaxError{token_.offset,
                        "Expected " + Describe(kind) + ", found " + Describe(token_) + "."};
    }
    const Token token = token_;
    Advance();
    return token;
  }
  void ExpectKeyword(std::string_view word) {
    if (SkipKeyword(word)) return;
    throw SyntaxError{token_.offset,
                      "Expected \"" + std::string(word) + "\", found " + Describe(token_) + "."};
  }
  [[noreturn]] void Unexpected(const Token& token) const {
    throw SyntaxError{token.offset, "Unexpected " + Describe(token) + "."};
  }

  template <typename T>
  std::span<const T> Keep(std::span<const T> nodes) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (nodes.empty()) return {};
    auto* const copy =
        static_cast<T*>(document_->arena()->allocate(nodes.size_bytes(), alignof(T)));
    std::uninitialized_copy(nodes.begin(), nodes.end(), copy);
    return {copy, nodes.size()};
  }
  template <typename T>
  std::span<const T> Keep(const std::vector<T>& nodes) {
    return Keep(std::span<const T>(nodes));
  }
  template <typename T>
  const T* Keep(const T& node) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (document_->arena()->allocate(sizeof(T), alignof(T))) T(node);
  }

  // A list of nodes while it is read. All lists of a type share one vector as a stack.
  template <typename T>
  class List {
   public:
    explicit List(Parser* parser)
        : parser_(parser),
          nodes_(&std::get<std::vector<T>>(parser->lists_)),
          start_(nodes_->size()) {}
    ~List() { nodes_->resize(start_); }
    List(const List&) = delete;
    List& operator=(const List&) = delete;
    void Add(const T& node) { nodes_->push_back(node); }
    std::span<const T> Keep() { return parser_->Keep(std::span<const T>(*nodes_).subspan(start_)); }

   private:
    Parser* const parser_;
    std::vector<T>* const nodes_;
    const size_t start_;
  };

  // `open` item+ `close`.
  template <typename Item>
  auto Many(TokenKind open, Item item, TokenKind close) {
    List<decltype(item())> nodes(this);
    Expect(open);
    do {
      nodes.Add(item());
    } while (!Skip(close));
    return nodes.Keep();
  }
  // `open` item* `close`.
  template <typename Item>
  auto Any(TokenKind open, Item item, TokenKind close) {
    List<decltype(item())> nodes(this);
    Expect(open);
    while (!Skip(close)) nodes.Add(item());
    return nodes.Keep();
  }
  template <typename Item>
  auto OptionalMany(TokenKind open, Item item, TokenKind close) {
    return Peek(open) ? Many(open, item, close) : decltype(Many(open, item, close)){};
  }
  // `delimiter`? item (`delimiter` item)*
  template <typename Item>
  auto Delimited(TokenKind delimiter, Item item) {
    List<decltype(item())> nodes(this);
    Skip(delimiter);
    do {
      nodes.Add(item());
    } while (Skip(delimiter));
    return nodes.Keep();
  }

  Name ParseName() {
    const Token token = Expect(TokenKind::kName);
    return {token.text, token.offset};
  }

  void ParseDefinition();
  template <typename Node>
  void Define(DefinitionKind kind, std::vector<Node>* nodes, const Node& node) {
    definitions_.push_back({kind, static_cast<uint32_t>(nodes->size())});
    nodes->push_back(node);
  }
  Operation ParseOperation();
  OperationKind ParseOperationKind();
  VariableDefinition ParseVariableDefinition();
  const SelectionSet* ParseSelectionSet();
  Selection ParseSelection();
  Selection ParseFragment();
  std::span<const Argument> ParseArguments(bool constant);
  Name ParseFragmentName();
  Fragment ParseFragmentDefinition();
  const Value* ParseValue(bool constant);
  std::span<const Directive> ParseDirectives(bool constant);
  const TypeRef* ParseTypeRef();

  bool PeekDescription() const { return Peek(TokenKind::kString) || Peek(TokenKind::kBlockString); }
  std::string_view ParseDescription();
  void ParseTypeSystemDefinition(std::string_view keyword);
  void ParseExtension();
  SchemaDefinition ParseSchema(uint32_t offset, std::string_view description, bool extension);
  TypeDefinition ParseType(TypeKind kind, uint32_t offset, std::string_view description,
                           bool extension);
  DirectiveDefinition ParseDirectiveDefinition(uint32_t offset, std::string_view description);
  std::span<const Name> ParseImplements();
  FieldDefinition ParseField();
  InputValueDefinition ParseInputValue();
  EnumValueDefinition ParseEnumValue();
  std::span<const Name> ParseMembers();

  static constexpr size_t kTokensPerCheckpoint = 4096;

  Document* const document_;
  const ParseLimits limits_;
  Lexer lexer_;
  Token token_;
  std::optional<Token> ahead_;
  uint32_t last_end_ = 0;
  size_t tokens_ = 0;
  size_t depth_ = 0;

  std::tuple<std::vector<Selection>, std::vector<Argument>, std::vector<Directive>,
             std::vector<VariableDefinition>, std::vector<const Value*>, std::vector<ObjectField>,
             std::vector<Name>, std::vector<InputValueDefinition>, std::vector<FieldDefinition>,
             std::vector<EnumValueDefinition>, std::vector<RootOperationType>>
      lists_;
  std::vector<Definition> definitions_;
  std::vector<Operation> operations_;
  std::vector<Fragment> fragments_;
  std::vector<TypeDefinition> types_;
  std::vector<DirectiveDefinition> directives_;
  std::vector<SchemaDefinition> schemas_;
};

}  // namespace fsubs::graphql
