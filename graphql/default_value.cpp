#include "graphql/default_value.hpp"

#include <charconv>
#include <cstdlib>

#include "graphql/print.hpp"

namespace fsubs::graphql {
namespace {

// As JavaScript prints a number: plain digits from 1e-6 to below 1e21, an exponent elsewhere.
std::string ShortestNumber(const std::string& literal) {
  const double number = std::strtod(literal.c_str(), nullptr);
  char text[64];
  const double size = number < 0 ? -number : number;
  const bool plain = size == 0 || (size >= 1e-6 && size < 1e21);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(text, text + sizeof(text), number == 0 ? 0 : number, format).ptr;
  std::string shortest(text, end);
  // C++ writes at least two digits of an exponent.
  const size_t exponent = shortest.find('e');
  if (exponent != std::string::npos && shortest[exponent + 2] == '0') {
    shortest.erase(exponent + 2, 1);
  }
  return shortest;
}

std::string PrintObject(const Type& type, const Value& value) {
  std::string text;
  for (const InputValue& field : type.input_fields) {
    const Value* given = field.default_value;
    for (const ObjectField& node : value.fields) {
      if (node.name.text == field.name) given = node.value;
    }
    if (given == nullptr) continue;
    text.append(text.empty() ? "" : ", ").append(field.name);
    text.append(": ").append(PrintDefault(*field.type, *given));
  }
  return "{" + text + "}";
}

bool IsInteger(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string PrintDefault(const WrappedType& type, const Value& value) {
  if (value.kind == ValueKind::kNull) return "null";
  const WrappedType& nullable = *type.nullable();
  if (nullable.kind == TypeRefKind::kList) {
    if (value.kind != ValueKind::kList) return "[" + PrintDefault(*nullable.of, value) + "]";
    std::string text;
    for (const Value* item : value.items) {
      text.append(text.empty() ? "" : ", ").append(PrintDefault(*nullable.of, *item));
    }
    return "[" + text + "]";
  }
  const Type& named = *nullable.type;
  if (named.kind == TypeKind::kInputObject) return PrintObject(named, value);
  if (!named.builtin) return Print(value);
  if (named.name == "ID" && IsInteger(value.text)) return std::string(value.text);
  if (value.kind == ValueKind::kInt || value.kind == ValueKind::kFloat) {
    return ShortestNumber(std::string(value.text));
  }
  return value.kind == ValueKind::kString ? PrintString(value.text) : Print(value);
}

}  // namespace fsubs::graphql
