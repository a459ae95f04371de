#include "worker/comparable.hpp"

#include <cstring>

#include "graphql/print.hpp"
#include "worker/json_number.hpp"

namespace fsubs {
namespace {

constexpr char kNullForm = '0';

// A form is a tag, the length of what follows and these bytes.
class Form {
 public:
  Form(char tag, std::string* out) : out_(out) {
    *out_ += tag;
    start_ = out_->size() + sizeof(uint32_t);
    out_->resize(start_);
  }
  ~Form() {
    const auto length = static_cast<uint32_t>(out_->size() - start_);
    std::memcpy(out_->data() + start_ - sizeof(length), &length, sizeof(length));
  }
  Form(const Form&) = delete;
  Form& operator=(const Form&) = delete;

  std::string* out() { return out_; }

 private:
  std::string* const out_;
  size_t start_;
};

void AppendText(char tag, std::string_view text, std::string* out) {
  Form(tag, out).out()->append(text);
}

void AppendNumber(std::string_view number, std::string* out) {
  AppendNumberForm(number, Form('n', out).out());
}

void AppendBoolean(bool value, std::string* out) {
  AppendText('b', value ? "true" : "false", out);
}

// `text` is a string's value, or what stands in the source.
void AppendValue(Comparison comparison, JsonType type, std::string_view text, std::string* out) {
  const bool number = type == JsonType::kNumber;
  const bool boolean = type == JsonType::kBoolean;
  switch (comparison) {
    case Comparison::kText:
      break;
    case Comparison::kIdentity: {
      if (boolean) {
        AppendBoolean(text == "true", out);
        return;
      }
      if (!number) break;
      const size_t start = out->size();
      if (AppendWholeNumber(text, Form('t', out).out())) return;
      out->resize(start);
      AppendNumber(text, out);
      return;
    }
    case Comparison::kNumber:
      if (number || (type == JsonType::kString && IsJsonNumber(text))) {
        AppendNumber(text, out);
        return;
      }
      if (!boolean) break;
      AppendNumber(text == "true" ? "1" : "0", out);
      return;
    case Comparison::kBoolean:
      if (!number && !boolean) break;
      AppendBoolean(number ? !IsZero(text) : text == "true", out);
      return;
  }
  const bool container = type == JsonType::kArray || type == JsonType::kObject;
  AppendText(container ? 'j' : 't', text, out);
}

}  // namespace

Comparison ComparisonOf(const graphql::Type& leaf) {
  if (leaf.kind == graphql::TypeKind::kEnum) return Comparison::kText;
  if (!leaf.builtin || leaf.name == "ID") return Comparison::kIdentity;
  if (leaf.name == "String") return Comparison::kText;
  return leaf.name == "Boolean" ? Comparison::kBoolean : Comparison::kNumber;
}

void AppendComparable(Comparison comparison, const std::optional<JsonValue>& value,
                      std::string* form) {
  if (!value || value->is_null()) {
    *form += kNullForm;
    return;
  }
  const JsonType type = value->type();
  AppendValue(comparison, type, type == JsonType::kString ? value->text() : value->raw(), form);
}

void AppendComparable(Comparison comparison, const graphql::Value& literal, std::string* form) {
  using graphql::ValueKind;
  switch (literal.kind) {
    case ValueKind::kNull:
      *form += kNullForm;
      break;
    case ValueKind::kString:
    case ValueKind::kEnum:
      AppendValue(comparison, JsonType::kString, literal.text, form);
      break;
    case ValueKind::kInt:
    case ValueKind::kFloat:
      // GraphQL writes numbers as JSON does.
      AppendValue(comparison, JsonType::kNumber, literal.text, form);
      break;
    case ValueKind::kBoolean:
      AppendValue(comparison, JsonType::kBoolean, literal.boolean ? "true" : "false", form);
      break;
    default:
      AppendValue(comparison, JsonType::kObject, graphql::Print(literal), form);
  }
}

}  // namespace fsubs
