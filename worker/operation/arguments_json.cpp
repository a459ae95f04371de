#include "worker/operation/arguments_json.hpp"

#include <algorithm>
#include <optional>

#include "worker/json/json_number.hpp"
#include "worker/json/json_writer.hpp"

namespace fsubs {
namespace {

using graphql::TypeRefKind;
using graphql::Value;
using graphql::ValueKind;
using graphql::WrappedType;

class ArgumentWriter {
 public:
  ArgumentWriter(const Variables& variables, std::string* out)
      : variables_(variables), json_(out) {}

  // Writes the members for `definitions`, whose values `find` has.
  template <typename Find>  // GivenValue(std::string_view name)
  void Object(const std::vector<graphql::InputValue>& definitions, const Find& find) {
    json_.BeginObject();
    for (const graphql::InputValue& definition : definitions) {
      GivenValue value = find(definition.name);
      if (!value.given()) value.literal = definition.default_value;
      if (!value.given()) continue;
      json_.Key(definition.name);
      Write(value, *definition.type);
    }
    json_.EndObject();
  }

 private:
  void Write(const GivenValue& value, const WrappedType& type) {
    if (!value.given() || value.is_null()) {
      json_.Null();
    } else if (type.is_non_null()) {
      Write(value, *type.of);
    } else if (type.kind == TypeRefKind::kList) {
      List(value, *type.of);
    } else if (type.type->kind == graphql::TypeKind::kInputObject) {
      Object(type.type->input_fields, [&](std::string_view name) { return Member(value, name); });
    } else if (value.json) {
      Scalar(*value.json, *type.type);
    } else {
      Literal(*value.literal, *type.type);
    }
  }

  // A lone value counts as a list of one (specification, section 3.11).
  void List(const GivenValue& value, const WrappedType& item) {
    json_.BeginArray();
    if (value.json && value.json->type() == JsonType::kArray) {
      value.json->ForEachElement([&](const JsonValue& element) {
        Write({element, nullptr}, item);
      });
    } else if (value.literal != nullptr && value.literal->kind == ValueKind::kList) {
      for (const Value* element : value.literal->items) Write(variables_.Resolve(*element), item);
    } else {
      Write(value, item);
    }
    json_.EndArray();
  }

  GivenValue Member(const GivenValue& object, std::string_view name) const {
    if (object.json) return {object.json->Find(name), nullptr};
    for (const graphql::ObjectField& field : object.literal->fields) {
      if (field.name.text == name) return variables_.Resolve(*field.value);
    }
    return {};
  }

  void Scalar(const JsonValue& value, const graphql::Type& type) {
    if (value.type() == JsonType::kNumber && type.builtin && type.name == "ID") {
      Id(value.raw());
    } else if (value.type() == JsonType::kString) {
      json_.String(value.text());
    } else {
      json_.Raw(value.raw());
    }
  }

  void Id(std::string_view number) {
    std::string text;
    if (!AppendWholeNumber(number, &text)) text = number;
    json_.String(text);
  }

  void Literal(const Value& value, const graphql::Type& type) {
    switch (value.kind) {
      case ValueKind::kVariable:
        // Is all of a custom scalar's value, or no part of it.
      case ValueKind::kNull:
        json_.Null();
        break;
      case ValueKind::kBoolean:
        json_.Bool(value.boolean);
        break;
      case ValueKind::kInt:
      case ValueKind::kFloat:
        if (type.builtin && type.name == "ID") {
          Id(value.text);
        } else {
          json_.Raw(value.text);
        }
        break;
      case ValueKind::kString:
      case ValueKind::kEnum:
        json_.String(value.text);
        break;
      case ValueKind::kList:
        json_.BeginArray();
        for (const Value* item : value.items) Literal(*item, type);
        json_.EndArray();
        break;
      case ValueKind::kObject:
        json_.BeginObject();
        for (const graphql::ObjectField& field : value.fields) {
          json_.Key(field.name.text);
          Literal(*field.value, type);
        }
        json_.EndObject();
        break;
    }
  }

  const Variables& variables_;
  JsonWriter json_;
};

}  // namespace

std::string ArgumentsJson(const std::vector<graphql::InputValue>& definitions,
                          const graphql::Selection& selection, const Variables& variables) {
  std::string text;
  ArgumentWriter(variables, &text).Object(definitions, [&](std::string_view name) {
    const auto given =
        std::find_if(selection.arguments.begin(), selection.arguments.end(),
                     [&](const graphql::Argument& node) { return node.name.text == name; });
    return given == selection.arguments.end() ? GivenValue{} : variables.Resolve(*given->value);
  });
  return text;
}

}  // namespace fsubs
