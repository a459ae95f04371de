#include "graphql/parser.hpp"

#include <type_traits>
#include <vector>

#include "graphql/lexer.hpp"

namespace fsubs::graphql {
namespace {

// Where directives may stand (specification, section 3.13).
constexpr std::string_view kDirectiveLocations[] = {"QUERY",
                                                    "MUTATION",
                                                    "SUBSCRIPTION",
                                                    "FIELD",
                                                    "FRAGMENT_DEFINITION",
                                                    "FRAGMENT_SPREAD",
                                                    "INLINE_FRAGMENT",
                                                    "VARIABLE_DEFINITION",
                                                    "SCHEMA",
                                                    "SCALAR",
                                                    "OBJECT",
                                                    "FIELD_DEFINITION",
                                                    "ARGUMENT_DEFINITION",
                                                    "INTERFACE",
                                                    "UNION",
                                                    "ENUM",
                                                    "ENUM_VALUE",
                                                    "INPUT_OBJECT",
                                                    "INPUT_FIELD_DEFINITION"};

class Parser {
 public:
  Parser(Document* document, const ParseLimits& limits)
      : document_(document), limits_(limits), lexer_(document->source(), document->arena()) {
    Advance();
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

  void Advance() {
    last_end_ = token_.end;
    token_ = next_;
    if (next_.kind == TokenKind::kEnd) return;
    next_ = lexer_.Next();
    if (next_.kind != TokenKind::kEnd && ++tokens_ > limits_.max_tokens) {
      throw SyntaxError{next_.offset, "Document contains more that " +
                                          std::to_string(limits_.max_tokens) +
                                          " tokens. Parsing aborted."};
    }
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
  std::span<const T> Keep(const std::vector<T>& nodes) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (nodes.empty()) return {};
    auto* const copy =
        static_cast<T*>(document_->arena()->allocate(nodes.size() * sizeof(T), alignof(T)));
    std::uninitialized_copy(nodes.begin(), nodes.end(), copy);
    return {copy, nodes.size()};
  }
  template <typename T>
  const T* Keep(const T& node) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (document_->arena()->allocate(sizeof(T), alignof(T))) T(node);
  }

  // `open` item+ `close`.
  template <typename Item>
  auto Many(TokenKind open, Item item, TokenKind close) {
    std::vector<decltype(item())> nodes;
    Expect(open);
    do {
      nodes.push_back(item());
    } while (!Skip(close));
    return Keep(nodes);
  }
  template <typename Item>
  auto OptionalMany(TokenKind open, Item item, TokenKind close) {
    return Peek(open) ? Many(open, item, close) : decltype(Many(open, item, close)){};
  }

  Name ParseName() {
    const Token token = Expect(TokenKind::kName);
    return {token.text, token.offset};
  }

  void ParseDefinition();
  Operation ParseOperation();
  OperationKind ParseOperationKind();
  VariableDefinition ParseVariableDefinition();
  const SelectionSet* ParseSelectionSet();
  Selection ParseSelection();
  Selection ParseFragment();
  std::span<const Argument> ParseArguments(bool constant);
  Fragment ParseFragmentDefinition();
  const Value* ParseValue(bool constant);
  std::span<const Directive> ParseDirectives(bool constant);
  const TypeRef* ParseTypeRef();

  bool PeekDescription() const { return Peek(TokenKind::kString) || Peek(TokenKind::kBlockString); }
  std::string_view ParseDescription();
  void ParseTypeSystemDefinition(const Token& keyword);
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

  Document* const document_;
  const ParseLimits limits_;
  Lexer lexer_;
  Token token_;
  Token next_;
  uint32_t last_end_ = 0;
  size_t tokens_ = 0;
  size_t depth_ = 0;

  std::vector<Operation> operations_;
  std::vector<Fragment> fragments_;
  std::vector<TypeDefinition> types_;
  std::vector<DirectiveDefinition> directives_;
  std::vector<SchemaDefinition> schemas_;
};

void Parser::ParseDefinitions() {
  do {
    ParseDefinition();
  } while (!Peek(TokenKind::kEnd));
  document_->operations = Keep(operations_);
  document_->fragments = Keep(fragments_);
  document_->types = Keep(types_);
  document_->directives = Keep(directives_);
  document_->schemas = Keep(schemas_);
}

const FieldDefinition* Parser::ParseSingleField() {
  const FieldDefinition field = ParseField();
  Expect(TokenKind::kEnd);
  return Keep(field);
}

void Parser::ParseDefinition() {
  if (Peek(TokenKind::kBraceLeft)) {
    operations_.push_back(ParseOperation());
    return;
  }
  const bool described = PeekDescription();
  const Token keyword = described ? next_ : token_;
  if (keyword.kind == TokenKind::kName) {
    const std::string_view word = keyword.text;
    if (word == "schema" || word == "scalar" || word == "type" || word == "interface" ||
        word == "union" || word == "enum" || word == "input" || word == "directive") {
      ParseTypeSystemDefinition(keyword);
      return;
    }
    if (described) {
      throw SyntaxError{token_.offset,
                        "Unexpected description, descriptions are supported only on definitions."};
    }
    if (word == "query" || word == "mutation" || word == "subscription") {
      operations_.push_back(ParseOperation());
      return;
    }
    if (word == "fragment") {
      fragments_.push_back(ParseFragmentDefinition());
      return;
    }
    if (word == "extend") {
      ParseExtension();
      return;
    }
  }
  Unexpected(keyword);
}

OperationKind Parser::ParseOperationKind() {
  const Token token = Expect(TokenKind::kName);
  if (token.text == "query") return OperationKind::kQuery;
  if (token.text == "mutation") return OperationKind::kMutation;
  if (token.text == "subscription") return OperationKind::kSubscription;
  Unexpected(token);
}

Operation Parser::ParseOperation() {
  Operation operation;
  operation.offset = token_.offset;
  if (!Peek(TokenKind::kBraceLeft)) {
    operation.kind = ParseOperationKind();
    if (Peek(TokenKind::kName)) operation.name = ParseName();
    operation.variables = OptionalMany(
        TokenKind::kParenLeft, [this] { return ParseVariableDefinition(); },
        TokenKind::kParenRight);
    operation.directives = ParseDirectives(false);
  }
  operation.selection_set = ParseSelectionSet();
  return operation;
}

VariableDefinition Parser::ParseVariableDefinition() {
  VariableDefinition variable;
  variable.offset = token_.offset;
  Expect(TokenKind::kDollar);
  variable.name = ParseName();
  Expect(TokenKind::kColon);
  variable.type = ParseTypeRef();
  if (Skip(TokenKind::kEquals)) variable.default_value = ParseValue(true);
  variable.directives = ParseDirectives(true);
  return variable;
}

const SelectionSet* Parser::ParseSelectionSet() {
  const Nesting nesting(this);
  SelectionSet set;
  set.offset = token_.offset;
  set.selections = Many(
      TokenKind::kBraceLeft, [this] { return ParseSelection(); }, TokenKind::kBraceRight);
  return Keep(set);
}

Selection Parser::ParseSelection() {
  if (Peek(TokenKind::kSpread)) return ParseFragment();
  Selection field;
  field.kind = SelectionKind::kField;
  field.offset = token_.offset;
  field.name = ParseName();
  if (Skip(TokenKind::kColon)) {
    field.alias = field.name;
    field.name = ParseName();
  }
  field.arguments = ParseArguments(false);
  field.directives = ParseDirectives(false);
  if (Peek(TokenKind::kBraceLeft)) field.selection_set = ParseSelectionSet();
  return field;
}

Selection Parser::ParseFragment() {
  Selection fragment;
  fragment.offset = token_.offset;
  Expect(TokenKind::kSpread);
  const bool condition = SkipKeyword("on");
  if (!condition && Peek(TokenKind::kName)) {
    fragment.kind = SelectionKind::kFragmentSpread;
    fragment.name = ParseName();
    fragment.directives = ParseDirectives(false);
    return fragment;
  }
  fragment.kind = SelectionKind::kInlineFragment;
  if (condition) fragment.type_condition = ParseName();
  fragment.directives = ParseDirectives(false);
  fragment.selection_set = ParseSelectionSet();
  return fragment;
}

std::span<const Argument> Parser::ParseArguments(bool constant) {
  return OptionalMany(
      TokenKind::kParenLeft,
      [this, constant] {
        Argument argument{};
        argument.name = ParseName();
        Expect(TokenKind::kColon);
        argument.value = ParseValue(constant);
        return argument;
      },
      TokenKind::kParenRight);
}

Fragment Parser::ParseFragmentDefinition() {
  Fragment fragment;
  fragment.offset = token_.offset;
  ExpectKeyword("fragment");
  if (PeekKeyword("on")) Unexpected(token_);
  fragment.name = ParseName();
  ExpectKeyword("on");
  fragment.type_condition = ParseName();
  fragment.directives = ParseDirectives(false);
  fragment.selection_set = ParseSelectionSet();
  return fragment;
}

const Value* Parser::ParseValue(bool constant) {
  const Nesting nesting(this);
  Value value;
  value.offset = token_.offset;
  value.text = token_.text;
  switch (token_.kind) {
    case TokenKind::kBracketLeft: {
      value.kind = ValueKind::kList;
      value.text = {};
      Advance();
      std::vector<const Value*> items;
      while (!Skip(TokenKind::kBracketRight)) items.push_back(ParseValue(constant));
      value.items = Keep(items);
      break;
    }
    case TokenKind::kBraceLeft: {
      value.kind = ValueKind::kObject;
      value.text = {};
      Advance();
      std::vector<ObjectField> fields;
      while (!Skip(TokenKind::kBraceRight)) {
        ObjectField field{};
        field.name = ParseName();
        Expect(TokenKind::kColon);
        field.value = ParseValue(constant);
        fields.push_back(field);
      }
      value.fields = Keep(fields);
      break;
    }
    case TokenKind::kInt:
      value.kind = ValueKind::kInt;
      Advance();
      break;
    case TokenKind::kFloat:
      value.kind = ValueKind::kFloat;
      Advance();
      break;
    case TokenKind::kString:
    case TokenKind::kBlockString:
      value.kind = ValueKind::kString;
      value.block = token_.kind == TokenKind::kBlockString;
      Advance();
      break;
    case TokenKind::kName:
      if (token_.text == "true" || token_.text == "false") {
        value.kind = ValueKind::kBoolean;
        value.boolean = token_.text == "true";
      } else {
        value.kind = token_.text == "null" ? ValueKind::kNull : ValueKind::kEnum;
      }
      Advance();
      break;
    case TokenKind::kDollar:
      if (constant) {
        Advance();
        if (Peek(TokenKind::kName)) {
          throw SyntaxError{value.offset, "Unexpected variable \"$" + std::string(token_.text) +
                                              "\" in constant value."};
        }
        throw SyntaxError{value.offset, "Unexpected \"$\"."};
      }
      Advance();
      value.kind = ValueKind::kVariable;
      value.text = ParseName().text;
      break;
    default:
      Unexpected(token_);
  }
  value.end = last_end_;
  return Keep(value);
}

std::span<const Directive> Parser::ParseDirectives(bool constant) {
  std::vector<Directive> directives;
  while (Peek(TokenKind::kAt)) {
    Directive directive;
    directive.offset = token_.offset;
    Advance();
    directive.name = ParseName();
    directive.arguments = ParseArguments(constant);
    directives.push_back(directive);
  }
  return Keep(directives);
}

const TypeRef* Parser::ParseTypeRef() {
  const Nesting nesting(this);
  TypeRef type;
  type.offset = token_.offset;
  if (Skip(TokenKind::kBracketLeft)) {
    type.kind = TypeRefKind::kList;
    type.of = ParseTypeRef();
    Expect(TokenKind::kBracketRight);
  } else {
    type.name = ParseName();
  }
  if (!Peek(TokenKind::kBang)) return Keep(type);
  Advance();
  TypeRef non_null;
  non_null.kind = TypeRefKind::kNonNull;
  non_null.offset = type.offset;
  non_null.of = Keep(type);
  return Keep(non_null);
}

std::string_view Parser::ParseDescription() {
  if (!PeekDescription()) return {};
  const std::string_view text = token_.text;
  Advance();
  return text;
}

void Parser::ParseTypeSystemDefinition(const Token& keyword) {
  const uint32_t offset = token_.offset;
  const std::string_view description = ParseDescription();
  Advance();
  if (keyword.text == "schema") {
    schemas_.push_back(ParseSchema(offset, description, false));
  } else if (keyword.text == "directive") {
    directives_.push_back(ParseDirectiveDefinition(offset, description));
  } else {
    const TypeKind kind = keyword.text == "scalar"      ? TypeKind::kScalar
                          : keyword.text == "type"      ? TypeKind::kObject
                          : keyword.text == "interface" ? TypeKind::kInterface
                          : keyword.text == "union"     ? TypeKind::kUnion
                          : keyword.text == "enum"      ? TypeKind::kEnum
                                                        : TypeKind::kInputObject;
    types_.push_back(ParseType(kind, offset, description, false));
  }
}

void Parser::ParseExtension() {
  const uint32_t offset = token_.offset;
  ExpectKeyword("extend");
  const Token keyword = token_;
  constexpr std::pair<std::string_view, TypeKind> kKinds[] = {
      {"scalar", TypeKind::kScalar},       {"type", TypeKind::kObject},
      {"interface", TypeKind::kInterface}, {"union", TypeKind::kUnion},
      {"enum", TypeKind::kEnum},           {"input", TypeKind::kInputObject}};
  if (keyword.kind == TokenKind::kName) {
    if (keyword.text == "schema") {
      Advance();
      schemas_.push_back(ParseSchema(offset, {}, true));
      return;
    }
    for (const auto& [word, kind] : kKinds) {
      if (keyword.text != word) continue;
      Advance();
      types_.push_back(ParseType(kind, offset, {}, true));
      return;
    }
  }
  Unexpected(keyword);
}

SchemaDefinition Parser::ParseSchema(uint32_t offset, std::string_view description,
                                     bool extension) {
  SchemaDefinition schema;
  schema.offset = offset;
  schema.extension = extension;
  schema.description = description;
  schema.directives = ParseDirectives(true);
  const auto item = [this] {
    RootOperationType root;
    root.kind = ParseOperationKind();
    Expect(TokenKind::kColon);
    root.type = ParseName();
    return root;
  };
  schema.operation_types = extension
                               ? OptionalMany(TokenKind::kBraceLeft, item, TokenKind::kBraceRight)
                               : Many(TokenKind::kBraceLeft, item, TokenKind::kBraceRight);
  if (extension && schema.directives.empty() && schema.operation_types.empty()) Unexpected(token_);
  return schema;
}

TypeDefinition Parser::ParseType(TypeKind kind, uint32_t offset, std::string_view description,
                                 bool extension) {
  TypeDefinition type;
  type.kind = kind;
  type.extension = extension;
  type.offset = offset;
  type.description = description;
  type.name = ParseName();
  if (kind == TypeKind::kObject || kind == TypeKind::kInterface)
    type.interfaces = ParseImplements();
  type.directives = ParseDirectives(true);
  const auto body = [this](auto item) {
    return OptionalMany(TokenKind::kBraceLeft, item, TokenKind::kBraceRight);
  };
  switch (kind) {
    case TypeKind::kScalar:
      break;
    case TypeKind::kObject:
    case TypeKind::kInterface:
      type.fields = body([this] { return ParseField(); });
      break;
    case TypeKind::kUnion:
      type.members = ParseMembers();
      break;
    case TypeKind::kEnum:
      type.values = body([this] { return ParseEnumValue(); });
      break;
    case TypeKind::kInputObject:
      type.input_fields = body([this] { return ParseInputValue(); });
      break;
  }
  if (extension && type.interfaces.empty() && type.directives.empty() && type.fields.empty() &&
      type.members.empty() && type.values.empty() && type.input_fields.empty()) {
    Unexpected(token_);
  }
  type.end = last_end_;
  return type;
}

DirectiveDefinition Parser::ParseDirectiveDefinition(uint32_t offset,
                                                     std::string_view description) {
  DirectiveDefinition directive;
  directive.offset = offset;
  directive.description = description;
  Expect(TokenKind::kAt);
  directive.name = ParseName();
  directive.arguments = OptionalMany(
      TokenKind::kParenLeft, [this] { return ParseInputValue(); }, TokenKind::kParenRight);
  directive.repeatable = SkipKeyword("repeatable");
  ExpectKeyword("on");
  std::vector<Name> locations;
  Skip(TokenKind::kPipe);
  do {
    const Token token = token_;
    const Name location = ParseName();
    bool known = false;
    for (std::string_view name : kDirectiveLocations) known = known || name == location.text;
    if (!known) Unexpected(token);
    locations.push_back(location);
  } while (Skip(TokenKind::kPipe));
  directive.locations = Keep(locations);
  directive.end = last_end_;
  return directive;
}

std::span<const Name> Parser::ParseImplements() {
  std::vector<Name> names;
  if (SkipKeyword("implements")) {
    Skip(TokenKind::kAmp);
    do {
      names.push_back(ParseName());
    } while (Skip(TokenKind::kAmp));
  }
  return Keep(names);
}

FieldDefinition Parser::ParseField() {
  FieldDefinition field;
  field.offset = token_.offset;
  field.description = ParseDescription();
  field.name = ParseName();
  field.arguments = OptionalMany(
      TokenKind::kParenLeft, [this] { return ParseInputValue(); }, TokenKind::kParenRight);
  Expect(TokenKind::kColon);
  field.type = ParseTypeRef();
  field.directives = ParseDirectives(true);
  return field;
}

InputValueDefinition Parser::ParseInputValue() {
  InputValueDefinition input;
  input.offset = token_.offset;
  input.description = ParseDescription();
  input.name = ParseName();
  Expect(TokenKind::kColon);
  input.type = ParseTypeRef();
  if (Skip(TokenKind::kEquals)) input.default_value = ParseValue(true);
  input.directives = ParseDirectives(true);
  return input;
}

EnumValueDefinition Parser::ParseEnumValue() {
  EnumValueDefinition value;
  value.offset = token_.offset;
  value.description = ParseDescription();
  if (PeekKeyword("true") || PeekKeyword("false") || PeekKeyword("null")) {
    throw SyntaxError{token_.offset, "Name \"" + std::string(token_.text) +
                                         "\" is reserved and cannot be used for an enum value."};
  }
  value.name = ParseName();
  value.directives = ParseDirectives(true);
  return value;
}

std::span<const Name> Parser::ParseMembers() {
  std::vector<Name> members;
  if (Skip(TokenKind::kEquals)) {
    Skip(TokenKind::kPipe);
    do {
      members.push_back(ParseName());
    } while (Skip(TokenKind::kPipe));
  }
  return Keep(members);
}

Error ToError(const Document& document, const SyntaxError& error) {
  return {"Syntax Error: " + error.message, {document.LocationOf(error.offset)}};
}

}  // namespace

ParseResult ParseDocument(std::string_view source, const ParseLimits& limits) {
  auto document = std::make_shared<Document>(source);
  try {
    Parser(document.get(), limits).ParseDefinitions();
  } catch (const SyntaxError& error) {
    return {nullptr, ToError(*document, error)};
  }
  return {std::move(document), std::nullopt};
}

FieldParseResult ParseFieldDefinition(std::string_view source, const ParseLimits& limits) {
  auto document = std::make_shared<Document>(source);
  try {
    const FieldDefinition* const field = Parser(document.get(), limits).ParseSingleField();
    return {std::move(document), field, std::nullopt};
  } catch (const SyntaxError& error) {
    return {nullptr, nullptr, ToError(*document, error)};
  }
}

}  // namespace fsubs::graphql
