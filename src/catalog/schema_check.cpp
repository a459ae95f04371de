#include "src/base/pg_compat.hpp"

#include "src/catalog/schema_check.hpp"

#include <algorithm>
#include <cctype>

#include "graphql/language/parser.hpp"
#include "graphql/sdl/schema_builder.hpp"
#include "src/base/pg_boundary.hpp"

namespace fsubs {
namespace {

using graphql::Error;
using graphql::LocationAt;
using graphql::SourceLocation;

constexpr std::string_view kSyntaxError = "Syntax Error: ";

std::string Quote(std::string_view name) {
  return '"' + std::string(name) + '"';
}

// graphql-js's sentence as a primary message of PostgreSQL.
std::string WithoutFinalStop(std::string_view message) {
  if (message.ends_with('.')) message.remove_suffix(1);
  return std::string(message);
}

std::string At(SourceLocation location) {
  return "Line " + std::to_string(location.line) + ", column " + std::to_string(location.column);
}

[[noreturn]] void ThrowParseError(const Error& error) {
  const std::string detail = error.locations.empty() ? "" : At(error.locations.front()) + '.';
  std::string_view message = error.message;
  if (!message.starts_with(kSyntaxError)) {
    throw UserError{ERRCODE_INVALID_OBJECT_DEFINITION, WithoutFinalStop(message), detail, {}};
  }
  message.remove_prefix(kSyntaxError.size());
  throw UserError{
      ERRCODE_SYNTAX_ERROR, "GraphQL syntax error: " + WithoutFinalStop(message), detail, {}};
}

// A location relative to a text that starts at `start`.
SourceLocation Relative(SourceLocation location, SourceLocation start) {
  const bool first_line = location.line == start.line;
  return {location.line - start.line + 1,
          first_line ? location.column - start.column + 1 : location.column};
}

// The inverse of Relative.
SourceLocation Absolute(SourceLocation location, SourceLocation start) {
  const bool first_line = location.line == 1;
  return {location.line + start.line - 1,
          first_line ? location.column + start.column - 1 : location.column};
}

// Where a registered text is in the composed schema.
struct Piece {
  std::string label;
  std::string_view text;
  SourceLocation start;
};

class ComposedSchema {
 public:
  explicit ComposedSchema(const Registration& registration) : source_(registration.source) {
    std::string definitions;
    for (size_t i = 0; i < registration.definitions.size(); ++i) {
      if (i > 0) definitions += "\n\n";
      const auto offset = static_cast<uint32_t>(definitions.size());
      definitions += registration.definitions[i];
      pieces_.push_back({"type " + Quote(registration.type_names[i]), registration.definitions[i],
                         LocationAt(definitions, offset)});
    }
    sdl_ = graphql::ComposeSchema(definitions, registration.fields);
    size_t at = sdl_.find("type Subscription", definitions.size());
    for (size_t i = 0; i < registration.fields.size(); ++i) {
      at = sdl_.find(registration.fields[i], at);
      pieces_.push_back({"the field of subscription " + Quote(registration.field_names[i]),
                         registration.fields[i], LocationAt(sdl_, static_cast<uint32_t>(at))});
      at += registration.fields[i].size();
    }
  }

  const std::string& sdl() const { return sdl_; }

  // A location in terms of what the user wrote: now, or when it was registered.
  std::string Describe(SourceLocation location) const {
    const Piece* found = nullptr;
    for (const Piece& piece : pieces_) {
      if (piece.start.line <= location.line) found = &piece;
    }
    if (found == nullptr) return {};
    const SourceLocation relative = Relative(location, found->start);
    const size_t in_source = source_.find(found->text);
    if (in_source == std::string_view::npos) return At(relative) + " of " + found->label + '.';
    const SourceLocation start = LocationAt(source_, static_cast<uint32_t>(in_source));
    return At(Absolute(relative, start)) + '.';
  }

 private:
  const std::string_view source_;
  std::string sdl_;
  std::vector<Piece> pieces_;  // in the order of the composed text
};

[[noreturn]] void ThrowSchemaError(const Registration& registration, const ComposedSchema& composed,
                                   const Error& error) {
  const std::string place =
      error.locations.empty() ? "" : composed.Describe(error.locations.front());
  if (!registration.removed.empty()) {
    throw UserError{
        ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
        "cannot unregister type " + Quote(registration.removed) + " because it is still used",
        place, "Unregister what uses it first, or register all of it anew without the type."};
  }
  throw UserError{ERRCODE_INVALID_OBJECT_DEFINITION,
                  "invalid GraphQL schema: " + WithoutFinalStop(error.message),
                  place,
                  {}};
}

void CheckArgument(const graphql::Field& field, const graphql::InputValue& argument) {
  graphql::ArgumentTarget target;
  std::string problem = graphql::FindArgumentTarget(*field.type, argument, &target);
  if (problem.empty()) return;
  problem.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(problem.front())));
  throw UserError{ERRCODE_INVALID_OBJECT_DEFINITION,
                  "argument " + Quote(argument.name) + " of subscription " + Quote(field.name) +
                      " filters nothing",
                  problem + '.',
                  "An argument filters events by the field of the same name and type, or by all "
                  "fields if its type is a filter such as " +
                      Quote(std::string(field.type->type->name) + "Filter") + '.'};
}

}  // namespace

std::vector<graphql::NamedDefinition> SplitTypes(std::string_view sdl) {
  std::optional<Error> error;
  std::vector<graphql::NamedDefinition> definitions = graphql::SplitDefinitions(sdl, &error);
  if (error) ThrowParseError(*error);
  std::vector<std::string_view> names;
  for (const graphql::NamedDefinition& definition : definitions) names.push_back(definition.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    throw UserError{
        ERRCODE_DUPLICATE_OBJECT, "type " + Quote(*twice) + " is defined twice", {}, {}};
  }
  return definitions;
}

std::string FieldName(std::string_view sdl) {
  const graphql::FieldParseResult parsed = graphql::ParseFieldDefinition(sdl);
  if (parsed.error) ThrowParseError(*parsed.error);
  return std::string(parsed.field->name.text);
}

void CheckSchema(const Registration& registration) {
  const ComposedSchema composed(registration);
  const graphql::SchemaResult built = graphql::BuildSchema(composed.sdl());
  if (!built.schema) ThrowSchemaError(registration, composed, built.errors.front());
  const graphql::Type* const root = built.schema->Root(graphql::OperationKind::kSubscription);
  if (root == nullptr) return;
  for (const graphql::Field& field : root->fields) {
    for (const graphql::InputValue& argument : field.arguments) CheckArgument(field, argument);
  }
}

}  // namespace fsubs
