#include "worker/operation/coerce.hpp"

#include "graphql/language/print.hpp"
#include "graphql/language/suggest.hpp"
#include "worker/json/json_number.hpp"
#include "worker/json/json_writer.hpp"

namespace fsubs {
namespace {

using graphql::InputValue;
using graphql::Quoted;
using graphql::TypeKind;
using graphql::TypeRefKind;
using graphql::WrappedType;

constexpr size_t kInspectItems = 10;
constexpr size_t kInspectDepth = 2;

void AppendInspected(const JsonValue& value, size_t depth, std::string* out) {
  const bool shown = depth < kInspectDepth || value.empty();
  switch (value.type()) {
    case JsonType::kString:
      AppendJsonString(value.text(), out);
      return;
    case JsonType::kArray: {
      if (!shown) {
        *out += "[Array]";
        return;
      }
      size_t count = 0;
      *out += '[';
      value.ForEachElement([&](const JsonValue& element) {
        if (++count > kInspectItems) return;
        if (count > 1) *out += ", ";
        AppendInspected(element, depth + 1, out);
      });
      if (count > kInspectItems) {
        out->append(", ... ").append(std::to_string(count - kInspectItems));
        *out += count == kInspectItems + 1 ? " more item" : " more items";
      }
      *out += ']';
      return;
    }
    case JsonType::kObject: {
      if (!shown) {
        *out += "[Object]";
        return;
      }
      bool first = true;
      value.ForEachMember([&](std::string_view name, const JsonValue& member) {
        out->append(first ? "{ " : ", ").append(name).append(": ");
        first = false;
        AppendInspected(member, depth + 1, out);
      });
      *out += first ? "{}" : " }";
      return;
    }
    default:
      *out += value.raw();
  }
}

// Collects errors until there are too many; then says so, once, and is full.
class ErrorList {
 public:
  explicit ErrorList(const graphql::Document& document) : document_(document) {}

  bool full() const { return full_; }

  void Add(std::string message, const graphql::VariableDefinition& variable) {
    if (full_) return;
    if (errors_.size() < kMaxErrors && bytes_ < kMaxBytes) {
      bytes_ += message.size();
      errors_.push_back(
          {std::move(message), kErrorBadUserInput, {document_.LocationOf(variable.offset)}});
      return;
    }
    full_ = true;
    errors_.push_back(
        {"Too many errors processing variables, error limit reached. Execution aborted.",
         kErrorBadUserInput});
  }

  std::vector<Error> Take() { return std::move(errors_); }

 private:
  static constexpr size_t kMaxErrors = 50;  // as in graphql-js
  // Each message shows a value, which may be all that the client sent.
  static constexpr size_t kMaxBytes = 64 * 1024;

  const graphql::Document& document_;
  std::vector<Error> errors_;
  size_t bytes_ = 0;
  bool full_ = false;
};

class VariableChecker {
 public:
  VariableChecker(const graphql::VariableDefinition& variable,
                  const graphql::Visibility* suggestions, ErrorList* errors)
      : variable_(variable), suggestions_(suggestions), errors_(errors) {}

  void Check(const JsonValue& value, const WrappedType& type) {
    if (errors_->full()) return;
    if (value.is_null()) {
      if (type.is_non_null()) {
        Report(value, "Expected non-nullable type " + Quoted(ToString(type)) + " not to be null.");
      }
      return;
    }
    const WrappedType& nullable = *type.nullable();
    if (nullable.kind == TypeRefKind::kList) {
      CheckList(value, *nullable.of);
      return;
    }
    switch (nullable.type->kind) {
      case TypeKind::kInputObject:
        CheckObject(value, *nullable.type);
        break;
      case TypeKind::kEnum:
        CheckEnum(value, *nullable.type);
        break;
      default:
        CheckScalar(value, *nullable.type);
    }
  }

 private:
  void CheckList(const JsonValue& value, const WrappedType& item) {
    if (value.type() != JsonType::kArray) {
      Check(value, item);
      return;
    }
    const size_t path = path_.size();
    size_t index = 0;
    value.ForEachElement([&](const JsonValue& element) {
      path_ += "[" + std::to_string(index++) + "]";
      Check(element, item);
      path_.resize(path);
    });
  }

  void CheckObject(const JsonValue& value, const graphql::Type& type) {
    if (value.type() != JsonType::kObject) {
      Report(value, "Expected type " + Quoted(type.name) + " to be an object.");
      return;
    }
    const size_t path = path_.size();
    for (const InputValue& field : type.input_fields) {
      const auto given = value.Find(field.name);
      if (given) {
        path_ += "." + std::string(field.name);
        Check(*given, *field.type);
        path_.resize(path);
      } else if (field.required()) {
        Report(value, "Field " + Quoted(field.name) + " of required type " +
                          Quoted(ToString(*field.type)) + " was not provided.");
      }
    }
    value.ForEachMember([&](std::string_view name, const JsonValue&) {
      if (type.FindInputField(name) != nullptr || errors_->full()) return;
      Report(value, "Field " + Quoted(name) + " is not defined by type " + Quoted(type.name) + "." +
                        Hint(name, type.input_fields, {}));
    });
  }

  void CheckEnum(const JsonValue& value, const graphql::Type& type) {
    if (value.type() != JsonType::kString) {
      const std::string shown = Inspect(value);
      Report(value, "Enum " + Quoted(type.name) + " cannot represent non-string value: " + shown +
                        "." + Hint(shown, type.values, "the enum value"));
    } else if (type.FindValue(value.text()) == nullptr) {
      Report(value, "Value " + Quoted(value.text()) + " does not exist in " + Quoted(type.name) +
                        " enum." + Hint(value.text(), type.values, "the enum value"));
    }
  }

  void CheckScalar(const JsonValue& value, const graphql::Type& type) {
    if (!type.builtin) return;  // a custom scalar takes any value
    const bool number = value.type() == JsonType::kNumber;
    const bool string = value.type() == JsonType::kString;
    int32_t integer = 0;
    const IntResult whole = number ? ToInt(value.raw(), &integer) : IntResult::kNotWhole;
    const char* problem = nullptr;
    if (type.name == "Int") {
      if (whole == IntResult::kNotWhole) {
        problem = "Int cannot represent non-integer value: ";
      } else if (whole == IntResult::kOutOfRange) {
        problem = "Int cannot represent non 32-bit signed integer value: ";
      }
    } else if (type.name == "Float") {
      if (!number) problem = "Float cannot represent non numeric value: ";
    } else if (type.name == "String") {
      if (!string) problem = "String cannot represent a non string value: ";
    } else if (type.name == "Boolean") {
      if (value.type() != JsonType::kBoolean) {
        problem = "Boolean cannot represent a non boolean value: ";
      }
    } else if (type.name == "ID") {
      if (!string && whole == IntResult::kNotWhole) problem = "ID cannot represent value: ";
    }
    if (problem != nullptr) Report(value, problem + Inspect(value));
  }

  template <typename Node>
  std::string Hint(std::string_view input, const std::vector<Node>& options,
                   std::string_view kind) const {
    if (suggestions_ == nullptr) return {};
    std::vector<std::string_view> names;
    for (const Node& option : options) {
      if (suggestions_->Shows(option)) names.push_back(option.name);
    }
    return graphql::DidYouMean(graphql::Suggest(input, names), kind);
  }

  void Report(const JsonValue& value, const std::string& problem) {
    const std::string name(variable_.name.text);
    std::string message = "Variable \"$" + name + "\" got invalid value " + Inspect(value);
    if (!path_.empty()) message += " at " + Quoted(name + path_);
    errors_->Add(message + "; " + problem, variable_);
  }

  const graphql::VariableDefinition& variable_;
  const graphql::Visibility* const suggestions_;
  ErrorList* const errors_;
  std::string path_;
};

// The schema's form of a type that a valid document writes. `chain` holds the wrappers.
const WrappedType* ToWrapped(const graphql::Schema& schema, const graphql::TypeRef& ref,
                             std::vector<WrappedType>* chain) {
  const graphql::TypeRef* at = &ref;
  while (at->of != nullptr) at = at->of;
  const graphql::Type* const named = schema.FindType(at->name.text);
  chain->clear();
  for (at = &ref; at != nullptr; at = at->of) chain->push_back({at->kind, named, nullptr});
  for (size_t i = 0; i + 1 < chain->size(); ++i) (*chain)[i].of = &(*chain)[i + 1];
  return &chain->front();
}

}  // namespace

std::string Inspect(const JsonValue& value) {
  std::string text;
  AppendInspected(value, 0, &text);
  return text;
}

std::vector<Error> Variables::Coerce(const graphql::Schema& schema,
                                     const graphql::Document& document,
                                     const graphql::Operation& operation,
                                     const std::optional<JsonValue>& values,
                                     const graphql::Visibility* suggestions) {
  ErrorList errors(document);
  std::vector<WrappedType> chain;
  for (const graphql::VariableDefinition& definition : operation.variables) {
    const std::string_view name = definition.name.text;
    const std::string subject = "Variable \"$" + std::string(name) + "\" of ";
    const bool non_null = definition.type->kind == TypeRefKind::kNonNull;
    const auto value = values ? values->Find(name) : std::nullopt;
    if (!value) {
      if (definition.default_value != nullptr) {
        values_[name] = {std::nullopt, definition.default_value};
      } else if (non_null) {
        errors.Add(subject + "required type " + Quoted(graphql::Print(*definition.type)) +
                       " was not provided.",
                   definition);
      }
    } else if (value->is_null() && non_null) {
      errors.Add(subject + "non-null type " + Quoted(graphql::Print(*definition.type)) +
                     " must not be null.",
                 definition);
    } else {
      VariableChecker(definition, suggestions, &errors)
          .Check(*value, *ToWrapped(schema, *definition.type, &chain));
      values_[name] = {value, nullptr};
    }
  }
  return errors.Take();
}

GivenValue Variables::Find(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? GivenValue{} : found->second;
}

std::string Variables::GivenJson() const {
  std::string object;
  JsonWriter json(&object);
  for (const auto& [name, value] : values_) {
    if (!value.json) continue;
    if (object.empty()) json.BeginObject();
    json.Key(name);
    json.Raw(value.json->raw());
  }
  if (!object.empty()) json.EndObject();
  return object;
}

GivenValue Variables::Resolve(const graphql::Value& literal) const {
  if (literal.kind == graphql::ValueKind::kVariable) return Find(literal.text);
  return {std::nullopt, &literal};
}

}  // namespace fsubs
