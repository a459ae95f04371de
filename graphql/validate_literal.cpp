// Values of correct type (specification, section 5.6).
#include <charconv>
#include <map>

#include "graphql/print.hpp"
#include "graphql/suggest.hpp"
#include "graphql/validation_context.hpp"

namespace fsubs::graphql {
namespace {

void ReportMismatch(ValidationContext* context, const WrappedType& type, const Value& value) {
  context->Report(
      "Expected value of type " + Quoted(ToString(type)) + ", found " + Print(value) + ".",
      {value.offset});
}

void ValidateObject(ValidationContext* context, const Type& type, const Value& value) {
  std::map<std::string_view, uint32_t> seen;
  for (const ObjectField& field : value.fields) seen.emplace(field.name.text, field.name.offset);
  for (const InputValue& field : type.input_fields) {
    if (field.required() && !seen.contains(field.name)) {
      context->Report("Field " + Quoted(std::string(type.name) + "." + std::string(field.name)) +
                          " of required type " + Quoted(ToString(*field.type)) +
                          " was not provided.",
                      {value.offset});
    }
  }
  std::map<std::string_view, uint32_t> unique;
  for (const ObjectField& field : value.fields) {
    const auto [known, added] = unique.emplace(field.name.text, field.name.offset);
    if (!added) {
      context->Report("There can be only one input field named " + Quoted(field.name.text) + ".",
                      {known->second, field.name.offset});
    }
    if (const InputValue* known_field = type.FindInputField(field.name.text)) {
      ValidateLiteral(context, *known_field->type, *field.value);
      continue;
    }
    std::vector<std::string_view> names;
    for (const InputValue& known_field : type.input_fields) names.push_back(known_field.name);
    context->Report("Field " + Quoted(field.name.text) + " is not defined by type " +
                        Quoted(type.name) + "." + DidYouMean(Suggest(field.name.text, names)),
                    {field.name.offset});
  }
}

void ValidateEnum(ValidationContext* context, const Type& type, const Value& value) {
  std::vector<std::string_view> names;
  for (const EnumValue& known : type.values) names.push_back(known.name);
  const std::string printed = Print(value);
  if (value.kind != ValueKind::kEnum) {
    context->Report("Enum " + Quoted(type.name) + " cannot represent non-enum value: " + printed +
                        "." + DidYouMean(Suggest(printed, names), "the enum value"),
                    {value.offset});
  } else if (type.FindValue(value.text) == nullptr) {
    context->Report("Value " + Quoted(value.text) + " does not exist in " + Quoted(type.name) +
                        " enum." + DidYouMean(Suggest(value.text, names), "the enum value"),
                    {value.offset});
  }
}

void ValidateScalar(ValidationContext* context, const Type& type, const Value& value) {
  if (!type.builtin) return;  // a custom scalar takes any literal
  const bool integer = value.kind == ValueKind::kInt;
  const bool string = value.kind == ValueKind::kString;
  const char* problem = nullptr;
  if (type.name == "Int") {
    int32_t number = 0;
    const char* const end = value.text.data() + value.text.size();
    if (!integer) {
      problem = "Int cannot represent non-integer value: ";
    } else if (std::from_chars(value.text.data(), end, number).ec != std::errc{}) {
      problem = "Int cannot represent non 32-bit signed integer value: ";
    }
  } else if (type.name == "Float") {
    if (!integer && value.kind != ValueKind::kFloat) {
      problem = "Float cannot represent non numeric value: ";
    }
  } else if (type.name == "String") {
    if (!string) problem = "String cannot represent a non string value: ";
  } else if (type.name == "Boolean") {
    if (value.kind != ValueKind::kBoolean) {
      problem = "Boolean cannot represent a non boolean value: ";
    }
  } else if (type.name == "ID") {
    if (!string && !integer) {
      problem = "ID cannot represent a non-string and non-integer value: ";
    }
  }
  if (problem != nullptr) context->Report(problem + Print(value), {value.offset});
}

}  // namespace

void ValidateLiteral(ValidationContext* context, const WrappedType& type, const Value& value) {
  if (value.kind == ValueKind::kVariable) return;
  if (value.kind == ValueKind::kNull) {
    if (type.is_non_null()) ReportMismatch(context, type, value);
    return;
  }
  const WrappedType& nullable = *type.nullable();
  if (nullable.kind == TypeRefKind::kList) {
    if (value.kind != ValueKind::kList) {
      ValidateLiteral(context, *nullable.of, value);
    } else {
      for (const Value* item : value.items) ValidateLiteral(context, *nullable.of, *item);
    }
    return;
  }
  const Type& named = *nullable.type;
  switch (named.kind) {
    case TypeKind::kInputObject:
      if (value.kind != ValueKind::kObject) {
        ReportMismatch(context, type, value);
      } else {
        ValidateObject(context, named, value);
      }
      break;
    case TypeKind::kEnum:
      ValidateEnum(context, named, value);
      break;
    default:
      if (named.builtin && (value.kind == ValueKind::kList || value.kind == ValueKind::kObject)) {
        ReportMismatch(context, type, value);
      } else {
        ValidateScalar(context, named, value);
      }
  }
}

}  // namespace fsubs::graphql
