#include "worker/operation/query.hpp"

#include "graphql/language/print.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/operation/introspection.hpp"

namespace fsubs {
namespace {

class QueryExecutor {
 public:
  QueryExecutor(const Catalog& catalog, const graphql::Document& document, const Plan& plan,
                const Variables& variables, size_t max_bytes, const std::string& response,
                JsonWriter* json)
      : catalog_(catalog),
        document_(document),
        variables_(variables),
        audience_(plan.audience()),
        end_(response.size() + max_bytes),
        response_(response),
        json_(*json) {}

  void Execute(const ObjectPlan& plan) {
    Object(plan, [this](const FieldPlan& field) { RootField(field); });
  }

  bool too_large() const { return response_.size() > end_; }
  const std::vector<Error>& errors() const { return errors_; }

 private:
  template <typename Resolve>  // void(const FieldPlan&), which writes the field's value
  void Object(const ObjectPlan& plan, const Resolve& resolve) {
    json_.BeginObject();
    for (const FieldPlan& field : plan.fields) {
      if (too_large()) return;
      json_.Key(field.response);
      if (field.is_typename) {
        json_.String(plan.type->name);
      } else {
        resolve(field);
      }
    }
    json_.EndObject();
  }

  template <typename Items, typename Write>  // void(const item&)
  void List(const Items& items, const Write& write) {
    json_.BeginArray();
    for (const auto& item : items) {
      if (too_large()) return;
      write(item);
    }
    json_.EndArray();
  }

  static const ObjectPlan& Below(const FieldPlan& field) { return *field.objects.front().second; }

  void RootField(const FieldPlan& field) {
    if (field.name == "serverVersion") {
      json_.String(catalog_.server_version());
    } else if (field.name == "subscriptions") {
      List(catalog_.fields(), [&](const SubscriptionField& subscription) {
        if (!audience_.Sees(*subscription.definition)) return;
        Object(Below(field), [&](const FieldPlan& below) { Offer(subscription, below.name); });
      });
    } else if (field.name == "_service") {
      Object(Below(field), [&](const FieldPlan&) { json_.String(catalog_.subgraph_sdl()); });
    } else if (field.name == "__schema") {
      Introspected(field, &catalog_.schema());
    } else {
      TypeByName(field);
    }
  }

  // A field of `type SubscriptionField`.
  void Offer(const SubscriptionField& subscription, std::string_view name) {
    if (name == "name") {
      json_.String(subscription.name);
    } else if (name == "definition") {
      json_.String(DefinitionOf(subscription));
    } else if (name == "description") {
      TextOrNull(subscription.definition->description);
    } else if (subscription.event_types.empty()) {
      json_.Null();
    } else {
      List(subscription.event_types, [&](const std::string& name) { json_.String(name); });
    }
  }

  // As registered, unless it names what the client does not see.
  std::string DefinitionOf(const SubscriptionField& subscription) const {
    std::vector<graphql::InputValueDefinition> shown;
    bool is_whole = true;
    for (const graphql::InputValue& argument : subscription.definition->arguments) {
      if (!audience_.Sees(argument)) {
        is_whole = false;
        continue;
      }
      shown.push_back(*argument.node);
      if (argument.default_value == nullptr || audience_.visibility().ShowsDefault(argument)) {
        continue;
      }
      shown.back().default_value = nullptr;
      is_whole = false;
    }
    if (is_whole) return subscription.sdl;
    graphql::FieldDefinition definition = *subscription.definition->node;
    definition.arguments = shown;
    return graphql::Print(definition);
  }

  void TextOrNull(std::string_view text) {
    if (text.data() == nullptr) {
      json_.Null();
    } else {
      json_.String(text);
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
                         kErrorBadUserInput,
                         {document_.LocationOf(value.offset)},
                         {field.response}});
    }
    const graphql::Type* type = nullptr;
    if (!name.is_null()) {
      type = catalog_.schema().FindType(name.json ? name.json->text() : name.literal->text);
    }
    if (type == nullptr || !audience_.Sees(*type)) {
      json_.Null();
    } else {
      Introspected(field, type);
    }
  }

  void Introspected(const FieldPlan& field, const IntrospectionObject& object) {
    Object(Below(field), [&](const FieldPlan& below) {
      const bool deprecated = ArgumentOf(below, "includeDeprecated").is_true();
      std::visit([&](const auto& value) { Write(below, value); },
                 Introspect(object, below.name, deprecated, audience_.visibility()));
    });
  }

  void Write(const FieldPlan&, std::monostate) { json_.Null(); }
  void Write(const FieldPlan&, bool value) { json_.Bool(value); }
  void Write(const FieldPlan&, const std::string& value) { json_.String(value); }
  void Write(const FieldPlan&, const std::vector<std::string>& values) {
    List(values, [&](const std::string& value) { json_.String(value); });
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
  const Audience& audience_;
  const size_t end_;
  const std::string& response_;  // what json_ writes to
  JsonWriter& json_;
  std::vector<Error> errors_;
};

}  // namespace

void ExecuteQuery(const Catalog& catalog, const graphql::Document& document, const Plan& plan,
                  const Variables& variables, size_t max_bytes, std::string* response) {
  const size_t start = response->size();
  JsonWriter json(response);
  json.BeginObject();
  json.Key("data");
  QueryExecutor executor(catalog, document, plan, variables, max_bytes, *response, &json);
  executor.Execute(plan.selection());
  if (executor.too_large()) {
    response->resize(start);
    *response += ResponseWithNullData({{"The response is larger than " + std::to_string(max_bytes) +
                                            " bytes, half of fraiseql_subs.outbox_size.",
                                        kErrorResponseTooLarge}});
    return;
  }
  if (!executor.errors().empty()) {
    json.Key("errors");
    WriteErrors(executor.errors(), &json);
  }
  json.EndObject();
}

}  // namespace fsubs
