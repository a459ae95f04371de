#include "src/base/pg_compat.hpp"

#include "src/catalog/schema_check.hpp"

#include <algorithm>
#include <cctype>

#include "graphql/language/parser.hpp"
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

// With all that JSON escapes, and names and channels, it stays below side_door::kMaxFrameLength.
constexpr size_t kMaxCatalogText = 24 * 1024 * 1024;

void CheckSize(const Registration& registration) {
  size_t size = 0;
  for (const auto& rows : {registration.types, registration.fields}) {
    for (const CatalogRow& row : rows) size += row.name.size() + row.sdl.size();
  }
  if (size <= kMaxCatalogText) return;
  throw UserError{ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                  "the registered types and subscriptions are too large",
                  "They would have " + std::to_string(size) + " bytes of SDL, and " +
                      std::to_string(kMaxCatalogText) + " are served at most.",
                  {}};
}

constexpr std::string_view kBetweenDefinitions = "\n\n";

std::string Compose(const Registration& registration) {
  std::string definitions;
  for (const CatalogRow& type : registration.types) {
    if (!definitions.empty()) definitions += kBetweenDefinitions;
    definitions += type.sdl;
  }
  std::vector<std::string_view> fields;
  for (const CatalogRow& field : registration.fields) fields.push_back(field.sdl);
  return graphql::ComposeSchema(definitions, fields, ThrowIfInterrupted);
}

// A location in the composed schema in terms of what the user wrote: now, or when it was
// registered.
std::string Describe(const Registration& registration, std::string_view sdl,
                     std::string_view source, SourceLocation location) {
  graphql::LocationIndex locations(sdl);
  std::string label;
  std::string_view text;
  SourceLocation start{};
  // The last one that starts in front of the location.
  const auto look = [&](const char* what, const CatalogRow& row, size_t offset) {
    const SourceLocation found = locations.At(static_cast<uint32_t>(offset));
    if (found.line > location.line) return false;
    label = what + Quote(row.name);
    text = row.sdl;
    start = found;
    return true;
  };
  size_t at = 0;
  for (const CatalogRow& type : registration.types) {
    if (!look("type ", type, at)) break;
    at += type.sdl.size() + kBetweenDefinitions.size();
  }
  at = sdl.find("type Subscription", std::min(at, sdl.size()));
  for (const CatalogRow& field : registration.fields) {
    at = sdl.find(field.sdl, at);
    if (!look("the field of subscription ", field, at)) break;
    at += field.sdl.size();
  }
  if (label.empty()) return {};
  const SourceLocation relative = Relative(location, start);
  const size_t in_source = source.find(text);
  if (in_source == std::string_view::npos) return At(relative) + " of " + label + '.';
  return At(Absolute(relative, LocationAt(source, static_cast<uint32_t>(in_source)))) + '.';
}

[[noreturn]] void ThrowSchemaError(const Registration& registration, std::string_view sdl,
                                   const Occasion& occasion, const Error& error) {
  const std::string place = error.locations.empty() ? ""
                                                    : Describe(registration, sdl, occasion.source,
                                                               error.locations.front());
  if (!occasion.removed.empty()) {
    throw UserError{
        ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
        "cannot unregister type " + Quote(occasion.removed) + " because it is still used", place,
        "Unregister what uses it first, or register all of it anew without the type."};
  }
  throw UserError{ERRCODE_INVALID_OBJECT_DEFINITION,
                  "invalid GraphQL schema: " + WithoutFinalStop(error.message),
                  place,
                  {}};
}

void CheckArgument(const graphql::Field& field, const graphql::InputValue& argument,
                   graphql::FilterChecks* filters) {
  graphql::ArgumentTarget target;
  std::string problem = graphql::FindArgumentTarget(*field.type, argument, filters, &target);
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
  std::vector<graphql::NamedDefinition> definitions =
      graphql::SplitDefinitions(sdl, &error, ThrowIfInterrupted);
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

CheckedSchema::CheckedSchema(const Registration& registration, const Occasion& occasion)
    : schema_(ThrowIfInterrupted), filters_(ThrowIfInterrupted) {
  CheckSize(registration);
  const std::string sdl = Compose(registration);
  const std::vector<Error> errors = schema_.Build(sdl);
  if (!errors.empty()) ThrowSchemaError(registration, sdl, occasion, errors.front());
  const graphql::Type* const root = schema_.schema().Root(graphql::OperationKind::kSubscription);
  if (root == nullptr) return;
  for (const graphql::Field& field : root->fields) {
    ThrowIfInterrupted();
    for (const graphql::InputValue& argument : field.arguments) {
      CheckArgument(field, argument, &filters_);
    }
  }
}

bool CheckedSchema::TryAdd(const Registration& added) {
  std::string definitions;
  for (const CatalogRow& type : added.types) {
    definitions.append(kBetweenDefinitions).append(type.sdl);
  }
  std::vector<std::string_view> fields;
  for (const CatalogRow& field : added.fields) fields.push_back(field.sdl);
  if (!schema_.Add(definitions, fields).empty()) return false;
  return std::all_of(added.fields.begin(), added.fields.end(),
                     [this](const CatalogRow& field) { return HasTargets(field); });
}

void CheckedSchema::CheckScope(std::string_view field,
                               std::span<const std::string_view> names) const {
  const graphql::Type* const root = schema_.schema().Root(graphql::OperationKind::kSubscription);
  for (const std::string_view name : names) {
    if (graphql::CanFilterBy(*root->FindField(field), name)) continue;
    throw UserError{
        ERRCODE_INVALID_PARAMETER_VALUE,
        "scope: clients cannot filter subscription " + Quote(field) + " by " + Quote(name),
        "A scope names an argument, or a field that a filter argument has conditions "
        "on.",
        {}};
  }
}

bool CheckedSchema::HasTargets(const CatalogRow& row) {
  const graphql::Type* const root = schema_.schema().Root(graphql::OperationKind::kSubscription);
  const graphql::Field* const field = root->FindField(row.name);
  if (field == nullptr) return false;
  graphql::ArgumentTarget target;
  return std::all_of(
      field->arguments.begin(), field->arguments.end(), [&](const graphql::InputValue& argument) {
        return graphql::FindArgumentTarget(*field->type, argument, &filters_, &target).empty();
      });
}

}  // namespace fsubs
