// Documents, operations, fragments and values (October 2021 specification, section 2).
#include "graphql/language/parser.hpp"

#include "graphql/language/parser_state.hpp"

namespace fsubs::graphql {

void Parser::ParseDefinitions() {
  do {
    ParseDefinition();
  } while (!Peek(TokenKind::kEnd));
  document_->definitions = Keep(definitions_);
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
    Define(DefinitionKind::kOperation, &operations_, ParseOperation());
    return;
  }
  const bool described = PeekDescription();
  const Token keyword = described ? LookAhead() : token_;
  if (described && keyword.kind == TokenKind::kBraceLeft) {
    throw SyntaxError{
        token_.offset,
        "Unexpected description, descriptions are not supported on shorthand queries."};
  }
  if (keyword.kind != TokenKind::kName) Unexpected(keyword);
  const std::string_view word = keyword.text;
  if (word == "query" || word == "mutation" || word == "subscription") {
    Define(DefinitionKind::kOperation, &operations_, ParseOperation());
  } else if (word == "fragment") {
    Define(DefinitionKind::kFragment, &fragments_, ParseFragmentDefinition());
  } else if (word == "schema" || word == "scalar" || word == "type" || word == "interface" ||
             word == "union" || word == "enum" || word == "input" || word == "directive") {
    ParseTypeSystemDefinition(word);
  } else if (described) {
    throw SyntaxError{token_.offset,
                      "Unexpected description, only GraphQL definitions support descriptions."};
  } else if (word == "extend") {
    ParseExtension();
  } else {
    Unexpected(keyword);
  }
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
    ParseDescription();
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
  ParseDescription();
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
    fragment.name = ParseFragmentName();
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

// graphql-js looks at the text whatever the kind of the token: a string "on" is unexpected too.
Name Parser::ParseFragmentName() {
  if (token_.text == "on") Unexpected(token_);
  return ParseName();
}

Fragment Parser::ParseFragmentDefinition() {
  Fragment fragment;
  fragment.offset = token_.offset;
  ParseDescription();
  ExpectKeyword("fragment");
  fragment.name = ParseFragmentName();
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
    case TokenKind::kBracketLeft:
      value.kind = ValueKind::kList;
      value.text = {};
      value.items = Any(
          TokenKind::kBracketLeft, [this, constant] { return ParseValue(constant); },
          TokenKind::kBracketRight);
      break;
    case TokenKind::kBraceLeft:
      value.kind = ValueKind::kObject;
      value.text = {};
      value.fields = Any(
          TokenKind::kBraceLeft,
          [this, constant] {
            ObjectField field{};
            field.name = ParseName();
            Expect(TokenKind::kColon);
            field.value = ParseValue(constant);
            return field;
          },
          TokenKind::kBraceRight);
      break;
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
  List<Directive> directives(this);
  while (Peek(TokenKind::kAt)) {
    Directive directive;
    directive.offset = token_.offset;
    Advance();
    directive.name = ParseName();
    directive.arguments = ParseArguments(constant);
    directives.Add(directive);
  }
  return directives.Keep();
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

namespace {

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
