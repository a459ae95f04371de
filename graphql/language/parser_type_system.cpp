// Type system definitions and extensions (October 2021 specification, section 3).
#include "graphql/language/parser_state.hpp"

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
                                                    "INPUT_FIELD_DEFINITION",
                                                    "DIRECTIVE_DEFINITION"};

}  // namespace

std::string_view Parser::ParseDescription() {
  if (!PeekDescription()) return {};
  const std::string_view text = token_.text;
  Advance();
  return text;
}

void Parser::ParseTypeSystemDefinition(std::string_view keyword) {
  const uint32_t offset = token_.offset;
  const std::string_view description = ParseDescription();
  Advance();
  if (keyword == "schema") {
    Define(DefinitionKind::kSchema, &schemas_, ParseSchema(offset, description, false));
  } else if (keyword == "directive") {
    Define(DefinitionKind::kDirective, &directives_, ParseDirectiveDefinition(offset, description));
  } else {
    const TypeKind kind = keyword == "scalar"      ? TypeKind::kScalar
                          : keyword == "type"      ? TypeKind::kObject
                          : keyword == "interface" ? TypeKind::kInterface
                          : keyword == "union"     ? TypeKind::kUnion
                          : keyword == "enum"      ? TypeKind::kEnum
                                                   : TypeKind::kInputObject;
    Define(DefinitionKind::kType, &types_, ParseType(kind, offset, description, false));
  }
}

void Parser::ParseExtension() {
  const uint32_t offset = token_.offset;
  const Token keyword = LookAhead();
  constexpr std::pair<std::string_view, TypeKind> kKinds[] = {
      {"scalar", TypeKind::kScalar},       {"type", TypeKind::kObject},
      {"interface", TypeKind::kInterface}, {"union", TypeKind::kUnion},
      {"enum", TypeKind::kEnum},           {"input", TypeKind::kInputObject}};
  if (keyword.kind == TokenKind::kName) {
    if (keyword.text == "schema") {
      Advance();
      Advance();
      Define(DefinitionKind::kSchema, &schemas_, ParseSchema(offset, {}, true));
      return;
    }
    for (const auto& [word, kind] : kKinds) {
      if (keyword.text != word) continue;
      Advance();
      Advance();
      Define(DefinitionKind::kType, &types_, ParseType(kind, offset, {}, true));
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
    root.offset = token_.offset;
    root.kind = ParseOperationKind();
    Expect(TokenKind::kColon);
    root.type = ParseName();
    return root;
  };
  schema.operation_types = extension
                               ? OptionalMany(TokenKind::kBraceLeft, item, TokenKind::kBraceRight)
                               : Many(TokenKind::kBraceLeft, item, TokenKind::kBraceRight);
  if (extension && schema.directives.empty() && schema.operation_types.empty()) Unexpected(token_);
  schema.end = last_end_;
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
  directive.locations = Delimited(TokenKind::kPipe, [this] {
    const Token token = token_;
    const Name location = ParseName();
    bool known = false;
    for (std::string_view name : kDirectiveLocations) known = known || name == location.text;
    if (!known) Unexpected(token);
    return location;
  });
  directive.end = last_end_;
  return directive;
}

std::span<const Name> Parser::ParseImplements() {
  if (!SkipKeyword("implements")) return {};
  return Delimited(TokenKind::kAmp, [this] { return ParseName(); });
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
  if (token_.text == "true" || token_.text == "false" || token_.text == "null") {
    throw SyntaxError{token_.offset,
                      Describe(token_) + " is reserved and cannot be used for an enum value."};
  }
  value.name = ParseName();
  value.directives = ParseDirectives(true);
  return value;
}

std::span<const Name> Parser::ParseMembers() {
  if (!Skip(TokenKind::kEquals)) return {};
  return Delimited(TokenKind::kPipe, [this] { return ParseName(); });
}

}  // namespace fsubs::graphql
