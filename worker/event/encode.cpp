#include "worker/event/encode.hpp"

#include <algorithm>
#include <utility>

#include "worker/base/clock.hpp"
#include "worker/json/json_number.hpp"
#include "worker/operation/access_check.hpp"
#include "worker/operation/errors_json.hpp"

namespace fsubs {
namespace {

using graphql::TypeRefKind;
using graphql::WrappedType;

// A long list of misfits has an error for each. More than this say nothing new.
constexpr size_t kMaxFieldErrors = 100;

// A document can select one text many times. A response is at most this many times as large as its
// event's data, or as large as the latter if that is more.
constexpr size_t kMaxGrowth = 10;
constexpr size_t kAlwaysAllowed = 1024 * 1024;

std::string FullName(const FieldPlan& field) {
  return std::string(field.parent->name) + "." + std::string(field.name);
}

// Writes its punctuation itself, without a JsonWriter: that would cost an event a seventh more
// instructions, and a field's text must be taken back where null is forbidden.
class Encoder {
 public:
  // Gives up once `out` is larger than `limit`.
  Encoder(const Plan& plan, size_t limit, std::string* out)
      : schema_(plan.schema()), audience_(plan.audience()), limit_(limit), out_(out) {}

  // Writes one field's value. Returns false, having written nothing, if the value is null where the
  // type forbids it: the object around it becomes null (section 6.4.4).
  [[nodiscard]] bool Field(const FieldPlan& field, const std::optional<JsonValue>& value) {
    const Step here{path_, &field.response, 0};
    path_ = &here;
    const bool complete = Complete(field, *field.type, value);
    path_ = here.above;
    return complete;
  }

  std::vector<Error>& errors() { return errors_; }
  // Whether it gave up. What it wrote is of no use then.
  bool is_too_large() const { return is_too_large_; }

 private:
  // The last item of the path to where the encoder is. Steps live on the stack of the recursion,
  // so a path costs nothing until an error needs it.
  struct Step {
    const Step* above;
    const std::string* name;  // null: an index
    size_t index;
  };

  [[nodiscard]] bool Complete(const FieldPlan& field, const WrappedType& type,
                              const std::optional<JsonValue>& value) {
    is_too_large_ = is_too_large_ || out_->size() > limit_;
    if (is_too_large_) return false;
    if (type.is_non_null()) {
      if (value && !value->is_null()) return Nullable(field, *type.of, value);
      return Fail(field, "Cannot return null for non-nullable field " + FullName(field) + ".");
    }
    const size_t start = out_->size();
    if (!Nullable(field, type, value)) {
      out_->resize(start);
      *out_ += "null";
    }
    return true;
  }

  // A value whose outer non-null wrapper is off. False: an error was reported, the value is null.
  [[nodiscard]] bool Nullable(const FieldPlan& field, const WrappedType& type,
                              const std::optional<JsonValue>& value) {
    if (!value || value->is_null()) {
      *out_ += "null";
      return true;
    }
    if (type.kind == TypeRefKind::kList) return List(field, *type.of, *value);
    if (field.leaf != Leaf::kNone) return LeafValue(field, *type.type, *value);
    return Object(field, *type.type, *value);
  }

  [[nodiscard]] bool List(const FieldPlan& field, const WrappedType& item, const JsonValue& value) {
    if (value.type() != JsonType::kArray) {
      return Fail(field,
                  "Expected Iterable, but did not find one for field \"" + FullName(field) + "\".");
    }
    const size_t start = out_->size();
    bool complete = true;
    size_t index = 0;
    *out_ += '[';
    value.ForEachElement([&](const JsonValue& element) {
      if (!complete) return;
      if (index > 0) *out_ += ',';
      const Step here{path_, nullptr, index++};
      path_ = &here;
      complete = Complete(field, item, element);
      path_ = here.above;
    });
    *out_ += ']';
    if (!complete) out_->resize(start);
    return complete;
  }

  [[nodiscard]] bool Object(const FieldPlan& field, const graphql::Type& type,
                            const JsonValue& value) {
    const ObjectPlan* const plan =
        type.is_abstract() ? Resolve(field, type, value) : field.objects.front().second;
    if (plan == nullptr) return false;
    const size_t start = out_->size();
    *out_ += '{';
    bool first = true;
    for (const FieldPlan& below : plan->fields) {
      if (!first) *out_ += ',';
      first = false;
      *out_ += below.key;
      if (below.is_typename) {
        out_->append("\"").append(plan->type->name).append("\"");
      } else if (!Field(below, value.Find(below.name))) {
        out_->resize(start);
        return false;
      }
    }
    *out_ += '}';
    return true;
  }

  // The plan for the object that a value of an abstract type is; null if an error was reported.
  const ObjectPlan* Resolve(const FieldPlan& field, const graphql::Type& type,
                            const JsonValue& value) {
    const auto name = value.Find("__typename");
    if (!name || name->type() != JsonType::kString) {
      Fail(field, "Abstract type \"" + std::string(type.name) +
                      "\" must resolve to an Object type at runtime for field \"" +
                      FullName(field) + "\". Its data needs a \"__typename\".");
      return nullptr;
    }
    for (const auto& [object, below] : field.objects) {
      if (object->name == name->text()) return below;
    }
    const graphql::Type* const hidden = schema_.FindType(name->text());
    if (hidden != nullptr && !audience_.Sees(*hidden)) {
      Deny(field, audience_.DenialOf(*hidden));
    } else {
      Fail(field, Impossible(type, name->text()));
    }
    return nullptr;
  }

  std::string Impossible(const graphql::Type& abstract, std::string_view name) const {
    const graphql::Type* const type = schema_.FindType(name);
    const std::string quoted = graphql::Quoted(name);
    const std::string wanted = graphql::Quoted(abstract.name);
    if (type == nullptr) {
      return "Abstract type " + wanted + " was resolved to a type " + quoted +
             " that does not exist inside the schema.";
    }
    if (type->kind != graphql::TypeKind::kObject) {
      return "Abstract type " + wanted + " was resolved to a non-object type " + quoted + ".";
    }
    return "Runtime Object type " + quoted + " is not a possible type for " + wanted + ".";
  }

  // Result coercion of section 3.5, as lenient as graphql-js.
  [[nodiscard]] bool LeafValue(const FieldPlan& field, const graphql::Type& type,
                               const JsonValue& value) {
    const JsonType json = value.type();
    const bool number = json == JsonType::kNumber;
    const bool boolean = json == JsonType::kBoolean;
    const bool string = json == JsonType::kString;
    switch (field.leaf) {
      case Leaf::kCustom:
        AppendOnOneLine(value.raw());
        return true;
      case Leaf::kString:
        if (string) {
          *out_ += value.raw();
        } else if (number || boolean) {
          out_->append("\"").append(value.raw()).append("\"");
        } else {
          return Fail(field, "String cannot represent value: " + Inspect(value));
        }
        return true;
      case Leaf::kId:
        if (string) {
          *out_ += value.raw();
          return true;
        }
        *out_ += '"';
        if (!number || !AppendWholeNumber(value.raw(), out_)) {
          out_->pop_back();
          return Fail(field, "ID cannot represent value: " + Inspect(value));
        }
        *out_ += '"';
        return true;
      case Leaf::kBoolean:
        if (boolean) {
          *out_ += value.raw();
        } else if (number) {
          *out_ += IsZero(value.raw()) ? "false" : "true";
        } else {
          return Fail(field, "Boolean cannot represent a non boolean value: " + Inspect(value));
        }
        return true;
      case Leaf::kEnum:
        return EnumValue(field, type, value);
      default:
        return Number(field, value);
    }
  }

  [[nodiscard]] bool EnumValue(const FieldPlan& field, const graphql::Type& type,
                               const JsonValue& value) {
    const graphql::EnumValue* const known =
        value.type() == JsonType::kString ? type.FindValue(value.text()) : nullptr;
    if (known == nullptr) {
      return Fail(field, "Enum \"" + std::string(type.name) +
                             "\" cannot represent value: " + Inspect(value));
    }
    if (!audience_.Sees(*known)) return Deny(field, audience_.DenialOf(*known));
    *out_ += value.raw();
    return true;
  }

  // Copy JSON without its line breaks, which server-sent events cannot hold. They can only be
  // between tokens.
  void AppendOnOneLine(std::string_view json) {
    const size_t start = out_->size();
    *out_ += json;
    if (json.find_first_of("\r\n") == std::string_view::npos) return;
    const auto is_break = [](char c) { return c == '\r' || c == '\n'; };
    std::replace_if(out_->begin() + static_cast<std::ptrdiff_t>(start), out_->end(), is_break, ' ');
  }

  [[nodiscard]] bool Number(const FieldPlan& field, const JsonValue& value) {
    const bool is_int = field.leaf == Leaf::kInt;
    std::string_view text = value.raw();
    bool number = value.type() == JsonType::kNumber;
    if (value.type() == JsonType::kBoolean) {
      text = value.boolean() ? "1" : "0";
      number = true;
    } else if (value.type() == JsonType::kString) {
      // What is copied out must be JSON; graphql-js also takes strings such as "03" and "0x1f".
      text = value.text();
      number = IsJsonNumber(text);
    }
    if (number && !is_int) {
      *out_ += text;
      return true;
    }
    int32_t whole = 0;
    switch (number ? ToInt(text, &whole) : IntResult::kNotWhole) {
      case IntResult::kOk:
        *out_ += std::to_string(whole);
        return true;
      case IntResult::kOutOfRange:
        return Fail(field,
                    "Int cannot represent non 32-bit signed integer value: " + Inspect(value));
      case IntResult::kNotWhole:
        break;
    }
    return Fail(field, (is_int ? "Int cannot represent non-integer value: "
                               : "Float cannot represent non numeric value: ") +
                           Inspect(value));
  }

  // Always false, so that callers can return it.
  bool Fail(const FieldPlan& field, const std::string& message) {
    if (errors_.size() < kMaxFieldErrors) {
      errors_.push_back({message, kErrorDataMismatch, field.locations, PathTo(path_)});
    }
    return false;
  }

  // Likewise. The value is not named: the client is not to see what it is.
  bool Deny(const FieldPlan& field, Denial denial) {
    if (errors_.size() < kMaxFieldErrors) {
      errors_.push_back({"Access to a value of " + graphql::Quoted(FullName(field)) + " is denied.",
                         kErrorForbidden, field.locations, PathTo(path_), ReasonExtension(denial)});
    }
    return false;
  }

  static std::vector<PathItem> PathTo(const Step* step) {
    std::vector<PathItem> path;
    for (; step != nullptr; step = step->above) {
      if (step->name != nullptr) {
        path.emplace_back(*step->name);
      } else {
        path.emplace_back(step->index);
      }
    }
    std::reverse(path.begin(), path.end());
    return path;
  }

  const graphql::Schema& schema_;
  const Audience& audience_;
  const size_t limit_;
  std::string* const out_;
  bool is_too_large_ = false;
  std::vector<Error> errors_;
  const Step* path_ = nullptr;
};

// An event whose data lacks columns. They are null in the response, unless it asks for none of
// them.
Error Incomplete(const FieldPlan& root) {
  return {.message =
              "Columns were left out of this event: it would have been larger than "
              "fraiseql_subs.max_event_size, or their values cannot be sent. \"omitted\" in "
              "its data names them.",
          .code = kErrorEventIncomplete,
          .locations = root.locations,
          .path = {root.response}};
}

// The value of "data" without any, and the one error.
void AppendNoData(const Plan& plan, Error error, std::string* out) {
  const FieldPlan& root = plan.root();
  error.locations = root.locations;
  error.path = {root.response};
  if (root.type->is_non_null()) {
    *out += "null";
  } else {
    out->append("{").append(root.key).append("null}");
  }
  out->append(R"(,"errors":)").append(ErrorsJson({error}));
}

}  // namespace

void Encode(const Plan& plan, const JsonValue& event, const EventMark& mark, std::string* out) {
  const size_t limit = std::max(kAlwaysAllowed, kMaxGrowth * event.raw().size());
  Encoder encoder(plan, out->size() + limit, out);
  *out += R"({"data":)";
  const size_t data = out->size();
  out->append("{").append(plan.root().key);
  const bool has_data = encoder.Field(plan.root(), event);
  if (encoder.is_too_large()) {
    out->resize(data);
    AppendNoData(plan,
                 {"The response would be larger than " + std::to_string(limit) + " bytes.",
                  kErrorResponseTooLarge},
                 out);
  } else {
    if (has_data) {
      *out += '}';
    } else {
      out->resize(data);
      *out += "null";
    }
    std::vector<Error>& errors = encoder.errors();
    // First, as it is the cause of others that may follow.
    if (mark.is_incomplete) errors.insert(errors.begin(), Incomplete(plan.root()));
    if (!errors.empty()) out->append(R"(,"errors":)").append(ErrorsJson(errors));
  }
  out->append(R"(,"extensions":{"position":")").append(mark.position).append("\"");
  if (plan.timing()) {
    *out += R"(,"committedAt":")";
    AppendUtcTime(mark.committed_at_us, out);
    *out += '"';
  }
  *out += "}}";
}

std::string EncodeFailure(const Plan& plan, Error error, std::string_view position) {
  std::string response = R"({"data":)";
  AppendNoData(plan, std::move(error), &response);
  if (!position.empty()) {
    response.append(R"(,"extensions":{"position":")").append(position).append("\"}");
  }
  return response += '}';
}

}  // namespace fsubs
