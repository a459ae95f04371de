#include "worker/coerce.hpp"

#include <charconv>
#include <functional>

#include "graphql/print.hpp"
#include "graphql/suggest.hpp"
#include "worker/json_text.hpp"

namespace fsubs {
namespace {

using graphql::InputValue;
using graphql::TypeKind;
using graphql::TypeRefKind;
using graphql::WrappedType;

std::string Quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

constexpr size_t kInspectItems = 10;
constexpr size_t kInspectDepth = 2;

void AppendInspected(const JsonValue& value, size_t depth, std::string* out) {
  switch (value.type()) {
    case JsonType::kString:
      AppendJsonString(value.text(), out);
      return;
    case JsonType::kArray: {
      if (depth > kInspectDepth) {
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
      if (count == kInspectItems + 1) {
        *out += ", ... 1 more item";
      } else if (count > kInspectItems) {
        *out += ", ... " + std::to_string(count - kInspectItems) + " more items";
      }
      *out += ']';
      return;
    }
    case JsonType::kObject: {
      if (depth > kInspectDepth) {
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

// Whether a JSON number is a whole number, and its value if that fits an Int.
bool IsWhole(std::string_view number, std::optional<int32_t>* value) {
  int32_t parsed = 0;
  const char* const end = number.data() + number.size();
  if (number.find_first_of(".eE") == std::string_view::npos) {
    const auto [at, code] = std::from_chars(number.data(), end, parsed);
    if (code == std::errc{} && at == end) *value = parsed;
    return true;
  }
  double real = 0;
  if (std::from_chars(number.data(), end, real).ec != std::errc{}) return false;
  if (real != static_cast<double>(static_cast<int64_t>(real))) return false;
  if (real >= INT32_MIN && real <= INT32_MAX) *value = static_cast<int32_t>(real);
  return true;
}

class VariableChecker {
 public:
  VariableChecker(std::string_view variable, const std::function<void(std::string)>& report)
      : variable_(variable), report_(report) {}

  void Check(const JsonValue& value, const WrappedType& type) {
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
    std::vector<std::string_view> names;
    for (const InputValue& field : type.input_fields) names.push_back(field.name);
    value.ForEachMember([&](std::string_view name, const JsonValue&) {
      if (type.FindInputField(name) != nullptr) return;
      Report(value, "Field " + Quoted(name) + " is not defined by type " + Quoted(type.name) + "." +
                        graphql::DidYouMean(graphql::Suggest(name, names)));
    });
  }

  void CheckEnum(const JsonValue& value, const graphql::Type& type) {
    std::vector<std::string_view> names;
    for (const graphql::EnumValue& known : type.values) names.push_back(known.name);
    if (value.type() != JsonType::kString) {
      const std::string shown = Inspect(value);
      Report(value, "Enum " + Quoted(type.name) + " cannot represent non-string value: " + shown +
                        "." +
                        graphql::DidYouMean(graphql::Suggest(shown, names), "the enum value"));
    } else if (type.FindValue(value.text()) == nullptr) {
      Report(value,
             "Value " + Quoted(value.text()) + " does not exist in " + Quoted(type.name) +
                 " enum." +
                 graphql::DidYouMean(graphql::Suggest(value.text(), names), "the enum value"));
    }
  }

  void CheckScalar(const JsonValue& value, const graphql::Type& type) {
    if (!type.builtin) return;  // a custom scalar takes any value
    const bool number = value.type() == JsonType::kNumber;
    const bool string = value.type() == JsonType::kString;
    std::optional<int32_t> integer;
    const char* problem = nullptr;
    if (type.name == "Int") {
      if (!number || !IsWhole(value.raw(), &integer)) {
        problem = "Int cannot represent non-integer value: ";
      } else if (!integer) {
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
      if (!string && !(number && IsWhole(value.raw(), &integer))) {
        problem = "ID cannot represent value: ";
      }
    }
    if (problem != nullptr) Report(value, problem + Inspect(value));
  }

  void Report(const JsonValue& value, const std::string& problem) {
    std::string message =
        "Variable \"$" + std::string(variable_) + "\" got invalid value " + Inspect(value);
    if (!path_.empty()) message += " at " + Quoted(std::string(variable_) + path_);
    report_(message + "; " + problem);
  }

  const std::string_view variable_;
  const std::function<void(std::string)>& report_;
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

constexpr size_t kMaxErrors = 50;  // as many as graphql-js reports

}  // namespace

std::string Inspect(const JsonValue& value) {
  std::string text;
  AppendInspected(value, 0, &text);
  return text;
}

std::vector<graphql::Error> Variables::Coerce(const graphql::Schema& schema,
                                              const graphql::Document& document,
                                              const graphql::Operation& operation,
                                              const std::optional<JsonValue>& values) {
  std::vector<graphql::Error> errors;
  std::vector<WrappedType> chain;
  for (const graphql::VariableDefinition& definition : operation.variables) {
    const std::function<void(std::string)> report = [&](std::string message) {
      if (errors.size() < kMaxErrors) {
        errors.push_back({std::move(message), {document.LocationOf(definition.offset)}});
      }
    };
    const std::string_view name = definition.name.text;
    const bool non_null = definition.type->kind == TypeRefKind::kNonNull;
    const auto value = values ? values->Find(name) : std::nullopt;
    if (!value) {
      if (definition.default_value != nullptr) {
        values_[name] = {std::nullopt, definition.default_value};
      } else if (non_null) {
        report("Variable \"$" + std::string(name) + "\" of required type " +
               Quoted(graphql::Print(*definition.type)) + " was not provided.");
      }
      continue;
    }
    if (value->is_null() && non_null) {
      report("Variable \"$" + std::string(name) + "\" of non-null type " +
             Quoted(graphql::Print(*definition.type)) + " must not be null.");
      continue;
    }
    VariableChecker(name, report).Check(*value, *ToWrapped(schema, *definition.type, &chain));
    values_[name] = {value, nullptr};
  }
  return errors;
}

GivenValue Variables::Find(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? GivenValue{} : found->second;
}

GivenValue Variables::Resolve(const graphql::Value& literal) const {
  if (literal.kind == graphql::ValueKind::kVariable) return Find(literal.text);
  return {std::nullopt, &literal};
}

}  // namespace fsubs
