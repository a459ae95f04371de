// Values (specification, section 5.6).
#include <charconv>

#include "graphql/language/print.hpp"
#include "graphql/validation/validation_rules.hpp"

namespace fsubs::graphql {
namespace {

void ReportMismatch(ValidationContext* context, const WrappedType& type, const Value& value) {
  context->Report(
      "Expected value of type " + Quoted(ToString(type)) + ", found " + Print(value) + ".",
      {value.offset});
}

void CheckEnum(ValidationContext* context, const Type& type, const Value& value) {
  if (value.kind == ValueKind::kEnum && type.FindValue(value.text) != nullptr) return;
  const std::string printed = Print(value);
  const std::string hint = context->Hint(printed, context->NamesOf(type.values), "the enum value");
  if (value.kind == ValueKind::kEnum) {
    context->Report(
        "Value " + Quoted(printed) + " does not exist in " + Quoted(type.name) + " enum." + hint,
        {value.offset});
  } else {
    context->Report(
        "Enum " + Quoted(type.name) + " cannot represent non-enum value: " + printed + "." + hint,
        {value.offset});
  }
}

void CheckBuiltinScalar(ValidationContext* context, const Type& type, const Value& value) {
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
  } else if (!string && !integer) {
    problem = "ID cannot represent a non-string and non-integer value: ";
  }
  if (problem != nullptr) context->Report(problem + Print(value), {value.offset});
}

// A value that is not looked into further: only a scalar or an enum can take it.
void CheckLeaf(ValidationContext* context, const WrappedType& type, const Value& value) {
  const Type& named = *type.type;
  if (named.kind == TypeKind::kEnum) {
    CheckEnum(context, named, value);
  } else if (named.kind != TypeKind::kScalar) {
    ReportMismatch(context, type, value);
  } else if (named.builtin) {  // any other scalar takes any literal
    CheckBuiltinScalar(context, named, value);
  }
}

void CheckRequiredFields(ValidationContext* context, const Type& type, const Value& value) {
  NameIndex given(context->arena());
  for (const ObjectField& field : value.fields) given.Add(field.name.text);
  for (const InputValue& field : type.input_fields) {
    if (!field.required() || given.Find(field.name) != NameIndex::kNone) continue;
    context->Report("Field " + Quoted(std::string(type.name) + "." + std::string(field.name)) +
                        " of required type " + Quoted(ToString(*field.type)) + " was not provided.",
                    {value.offset});
  }
}

void ReportUnknownField(ValidationContext* context, const Type& type, const Name& field) {
  context->Report("Field " + Quoted(field.text) + " is not defined by type " + Quoted(type.name) +
                      "." + context->Hint(field.text, context->NamesOf(type.input_fields)),
                  {field.offset});
}

void CheckUnique(ValidationContext* context, const Name& field, FirstUses* names) {
  if (const auto first = names->Add(field.text, field.offset)) {
    context->Report("There can be only one input field named " + Quoted(field.text) + ".",
                    {*first, field.offset});
  }
}

void VisitObject(ValidationContext* context, const Value& value, const Type& type) {
  CheckRequiredFields(context, type, value);
  FirstUses names(context->arena());
  for (const ObjectField& field : value.fields) {
    const InputValue* const known = type.FindInputField(field.name.text);
    if (known == nullptr) ReportUnknownField(context, type, field.name);
    CheckUnique(context, field.name, &names);
    VisitValue(context, *field.value, known != nullptr ? known->type : nullptr);
  }
}

}  // namespace

void VisitValue(ValidationContext* context, const Value& value, const WrappedType* type) {
  if (type == nullptr) {
    UniqueInputFieldNames(context, value);
    return;
  }
  switch (value.kind) {
    case ValueKind::kVariable:
      break;
    case ValueKind::kNull:
      if (type->is_non_null()) ReportMismatch(context, *type, value);
      break;
    case ValueKind::kList: {
      const WrappedType& list = *type->nullable();
      if (list.kind == TypeRefKind::kList) {
        for (const Value* item : value.items) VisitValue(context, *item, list.of);
        break;
      }
      CheckLeaf(context, list, value);
      UniqueInputFieldNames(context, value);
      break;
    }
    case ValueKind::kObject:
      if (type->type->kind == TypeKind::kInputObject) {
        VisitObject(context, value, *type->type);
        break;
      }
      CheckLeaf(context, *type, value);
      UniqueInputFieldNames(context, value);
      break;
    default:
      CheckLeaf(context, *type, value);
  }
}

void UniqueInputFieldNames(ValidationContext* context, const Value& value) {
  for (const Value* item : value.items) UniqueInputFieldNames(context, *item);
  FirstUses names(context->arena());
  for (const ObjectField& field : value.fields) {
    CheckUnique(context, field.name, &names);
    UniqueInputFieldNames(context, *field.value);
  }
}

}  // namespace fsubs::graphql
