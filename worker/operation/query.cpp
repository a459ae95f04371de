#include "worker/operation/query.hpp"

#include "worker/json/json_text.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/operation/introspection.hpp"

namespace fsubs {
namespace {

class QueryExecutor {
 public:
  QueryExecutor(const Catalog& catalog, const graphql::Document& document,
                const Variables& variables, size_t max_bytes, std::string* out)
      : catalog_(catalog),
        document_(document),
        variables_(variables),
        end_(out->size() + max_bytes),
        out_(out) {}

  void Execute(const ObjectPlan& plan) {
    Object(plan, [this](const FieldPlan& field) { RootField(field); });
  }

  bool too_large() const { return out_->size() > end_; }
  const std::vector<graphql::Error>& errors() const { return errors_; }

 private:
  template <typename Resolve>  // void(const FieldPlan&), which writes the field's value
  void Object(const ObjectPlan& plan, const Resolve& resolve) {
    *out_ += '{';
    for (const FieldPlan& field : plan.fields) {
      if (too_large()) return;
      if (&field != &plan.fields.front()) *out_ += ',';
      *out_ += field.key;
      if (field.is_typename) {
        AppendJsonString(plan.type->name, out_);
      } else {
        resolve(field);
      }
    }
    *out_ += '}';
  }

  template <typename Items, typename Write>  // void(const item&)
  void List(const Items& items, const Write& write) {
    *out_ += '[';
    bool first = true;
    for (const auto& item : items) {
      if (too_large()) return;
      if (!first) *out_ += ',';
      first = false;
      write(item);
    }
    *out_ += ']';
  }

  static const ObjectPlan& Below(const FieldPlan& field) { return *field.objects.front().second; }

  void RootField(const FieldPlan& field) {
    if (field.name == "serverVersion") {
      AppendJsonString(catalog_.server_version(), out_);
    } else if (field.name == "subscriptions") {
      List(catalog_.fields(), [&](const SubscriptionField& subscription) {
        Object(Below(field), [&](const FieldPlan& below) { Offer(subscription, below.name); });
      });
    } else if (field.name == "_service") {
      Object(Below(field),
             [&](const FieldPlan&) { AppendJsonString(catalog_.subgraph_sdl(), out_); });
    } else if (field.name == "__schema") {
      Introspected(field, &catalog_.schema());
    } else {
      TypeByName(field);
    }
  }

  // A field of `type SubscriptionField`.
  void Offer(const SubscriptionField& subscription, std::string_view name) {
    if (name == "name") {
      AppendJsonString(subscription.name, out_);
    } else if (name == "definition") {
      AppendJsonString(subscription.sdl, out_);
    } else if (name == "description") {
      TextOrNull(subscription.definition->description);
    } else if (subscription.event_types.empty()) {
      *out_ += "null";
    } else {
      List(subscription.event_types,
           [&](const std::string& event_type) { AppendJsonString(event_type, out_); });
    }
  }

  void TextOrNull(std::string_view text) {
    if (text.data() == nullptr) {
      *out_ += "null";
    } else {
      AppendJsonString(text, out_);
    }
  }

  GivenValue ArgumentOf(const FieldPlan& field, std::string_view name) const {
    for (const graphql::Argument& argument : field.selection->arguments) {
      if (argument.name.text == name) return variables_.Resolve(*argument.value);
    }
    return {};
  }

  // `__type(name:)`.
  void TypeByName(const FieldPlan& field) {
    const GivenValue name = ArgumentOf(field, "name");
    if (name.is_null()) {
      const graphql::Value& value = *field.selection->arguments.front().value;
      errors_.push_back({R"(Argument "name" of non-null type "String!" must not be null.)",
                         {document_.LocationOf(value.offset)},
                         {field.response}});
    }
    const graphql::Type* type = nullptr;
    if (!name.is_null()) {
      type = catalog_.schema().FindType(name.json ? name.json->text() : name.literal->text);
    }
    if (type == nullptr) {
      *out_ += "null";
    } else {
      Introspected(field, type);
    }
  }

  void Introspected(const FieldPlan& field, const IntrospectionObject& object) {
    Object(Below(field), [&](const FieldPlan& below) {
      const bool deprecated = ArgumentOf(below, "includeDeprecated").is_true();
      std::visit([&](const auto& value) { Write(below, value); },
                 Introspect(object, below.name, deprecated));
    });
  }

  void Write(const FieldPlan&, std::monostate) { *out_ += "null"; }
  void Write(const FieldPlan&, bool value) { *out_ += value ? "true" : "false"; }
  void Write(const FieldPlan&, const std::string& value) { AppendJsonString(value, out_); }
  void Write(const FieldPlan&, const std::vector<std::string>& values) {
    List(values, [&](const std::string& value) { AppendJsonString(value, out_); });
  }
  void Write(const FieldPlan& field, const IntrospectionObject& object) {
    Introspected(field, object);
  }
  void Write(const FieldPlan& field, const std::vector<IntrospectionObject>& objects) {
    List(objects, [&](const IntrospectionObject& object) { Introspected(field, object); });
  }

  const Catalog& catalog_;
  const graphql::Document& document_;
  const Variables& variables_;
  const size_t end_;
  std::string* const out_;
  std::vector<graphql::Error> errors_;
};

}  // namespace

void ExecuteQuery(const Catalog& catalog, const graphql::Document& document, const Plan& plan,
                  const Variables& variables, size_t max_bytes, std::string* response) {
  const size_t start = response->size();
  *response += "{\"data\":";
  QueryExecutor executor(catalog, document, variables, max_bytes, response);
  executor.Execute(plan.selection());
  if (executor.too_large()) {
    response->resize(start);
    *response += "{\"data\":null,\"errors\":";
    AppendErrors({{"The response is larger than " + std::to_string(max_bytes) +
                       " bytes, half of fraiseql_subs.outbox_size.",
                   {}}},
                 "RESPONSE_TOO_LARGE", response);
  } else if (!executor.errors().empty()) {
    *response += ",\"errors\":";
    AppendErrors(executor.errors(), "BAD_USER_INPUT", response);
  }
  *response += '}';
}

}  // namespace fsubs
