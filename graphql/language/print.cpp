#include "graphql/language/print.hpp"

#include <cstdio>

#include "graphql/language/block_string.hpp"

namespace fsubs::graphql {
namespace {

template <typename Range, typename Item>
std::string Join(const Range& range, std::string_view separator, Item item) {
  std::string text;
  for (const auto& node : range) {
    if (!text.empty()) text += separator;
    text += item(node);
  }
  return text;
}

std::string Print(const Directive& directive) {
  std::string text = "@" + std::string(directive.name.text);
  if (directive.arguments.empty()) return text;
  return text + "(" +
         Join(directive.arguments, ", ",
              [](const Argument& argument) {
                return std::string(argument.name.text) + ": " + Print(*argument.value);
              }) +
         ")";
}

std::string PrintDirectives(std::span<const Directive> directives) {
  return Join(directives, "", [](const Directive& directive) { return " " + Print(directive); });
}

std::string PrintDescription(std::string_view description) {
  return description.empty() ? "" : PrintString(description) + " ";
}

std::string Print(const InputValueDefinition& input) {
  std::string text = PrintDescription(input.description) + std::string(input.name.text) + ": " +
                     Print(*input.type);
  if (input.default_value != nullptr) text += " = " + Print(*input.default_value);
  return text + PrintDirectives(input.directives);
}

}  // namespace

std::string PrintString(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default: {
        // The control characters from U+0080 on are a byte C2 and themselves.
        const bool latin = c == '\xC2' && i + 1 < text.size();
        const auto code = static_cast<unsigned char>(latin ? text[i + 1] : c);
        if (code < 0x20 || code == 0x7F || (latin && code < 0xA0)) {
          char escape[8];
          std::snprintf(escape, sizeof(escape), "\\u%04X", code);
          out += escape;
          if (latin) ++i;
        } else {
          out += c;
        }
      }
    }
  }
  return out += '"';
}

std::string Print(const Value& value) {
  switch (value.kind) {
    case ValueKind::kVariable:
      return "$" + std::string(value.text);
    case ValueKind::kString:
      return value.block ? PrintBlockString(value.text) : PrintString(value.text);
    case ValueKind::kBoolean:
      return value.boolean ? "true" : "false";
    case ValueKind::kNull:
      return "null";
    case ValueKind::kInt:
    case ValueKind::kFloat:
    case ValueKind::kEnum:
      return std::string(value.text);
    case ValueKind::kList:
      return "[" + Join(value.items, ", ", [](const Value* item) { return Print(*item); }) + "]";
    case ValueKind::kObject:
      break;
  }
  return "{" +
         Join(value.fields, ", ",
              [](const ObjectField& field) {
                return std::string(field.name.text) + ": " + Print(*field.value);
              }) +
         "}";
}

std::string Print(const TypeRef& type) {
  switch (type.kind) {
    case TypeRefKind::kNamed:
      return std::string(type.name.text);
    case TypeRefKind::kList:
      return "[" + Print(*type.of) + "]";
    case TypeRefKind::kNonNull:
      break;
  }
  return Print(*type.of) + "!";
}

std::string Print(const FieldDefinition& field) {
  std::string text = PrintDescription(field.description) + std::string(field.name.text);
  if (!field.arguments.empty()) {
    text += "(" +
            Join(field.arguments, ", ",
                 [](const InputValueDefinition& argument) { return Print(argument); }) +
            ")";
  }
  return text + ": " + Print(*field.type) + PrintDirectives(field.directives);
}

}  // namespace fsubs::graphql
