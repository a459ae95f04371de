#include "worker/operation/operation.hpp"

#include "graphql/language/parser.hpp"
#include "graphql/validation/validate.hpp"
#include "worker/operation/access_check.hpp"
#include "worker/operation/arguments_json.hpp"
#include "worker/operation/coerce.hpp"
#include "worker/operation/filter_compiler.hpp"
#include "worker/operation/query.hpp"
#include "worker/operation/renewal.hpp"

namespace fsubs {
namespace {

PrepareResult Refuse(std::vector<Error> errors) {
  PrepareResult result;
  result.errors = std::move(errors);
  return result;
}

PrepareResult Deny(Denial denial, const FieldPlan& root) {
  PrepareResult result;
  result.denial = denial;
  result.field = root.name;
  result.errors.push_back({.message = std::string(SentenceOf(denial)),
                           .code = kErrorForbidden,
                           .locations = root.locations,
                           .path = {root.response},
                           .extensions = {{"reason", std::string(NameOf(denial))}}});
  return result;
}

// Says, for the log, which field of which kind of operation the first error is about.
void NameField(const graphql::Document& document, PrepareResult* refused) {
  const std::vector<PathItem>& path = refused->errors.front().path;
  const auto* const response = path.empty() ? nullptr : std::get_if<std::string>(&path.front());
  if (response != nullptr) refused->field = *response;
  for (const graphql::Operation& operation : document.operations) {
    refused->is_subscription = operation.kind == graphql::OperationKind::kSubscription;
    for (const graphql::Selection& selection : operation.selection_set->selections) {
      if (selection.kind != graphql::SelectionKind::kField) continue;
      if (response != nullptr && selection.response_name().text != *response) continue;
      refused->field = selection.name.text;
      return;
    }
  }
}

PrepareResult RefuseAccess(AccessRefusal refusal, const graphql::Document& document) {
  PrepareResult result = Refuse(std::move(refusal.errors));
  result.denial = refusal.denial;
  NameField(document, &result);
  return result;
}

// GetOperation of the specification, section 6.1.1. Null, with `*problem` set, if there is none.
const graphql::Operation* ChooseOperation(const graphql::Document& document,
                                          const std::optional<std::string_view>& name,
                                          std::string* problem) {
  if (!name) {
    if (document.operations.size() == 1) return &document.operations.front();
    *problem = document.operations.empty()
                   ? "Must provide an operation."
                   : "Must provide operation name if query contains multiple operations.";
    return nullptr;
  }
  for (const graphql::Operation& operation : document.operations) {
    if (operation.name && operation.name.text == *name) return &operation;
  }
  *problem = "Unknown operation named \"" + std::string(*name) + "\".";
  return nullptr;
}

// A variable with a default is valid in a non-null place (specification, section 5.8.5), so its
// value may still be null there.
void RefuseNull(const graphql::Document& document, const graphql::Argument& argument,
                std::string_view type, std::vector<Error>* errors) {
  errors->push_back({"Argument \"" + std::string(argument.name.text) + "\" of non-null type \"" +
                         std::string(type) + "\" must not be null.",
                     kErrorBadUserInput,
                     {document.LocationOf(argument.value->offset)}});
}

// Visit the arguments of @include and @skip that are variables.
template <typename Visitor>  // void(const graphql::Argument& argument)
void ForEachCondition(const graphql::SelectionSet& set, const Visitor& visit) {
  for (const graphql::Selection& selection : set.selections) {
    for (const graphql::Directive& directive : selection.directives) {
      if (directive.name.text != "include" && directive.name.text != "skip") continue;
      for (const graphql::Argument& argument : directive.arguments) {
        if (argument.value->kind == graphql::ValueKind::kVariable) visit(argument);
      }
    }
    if (selection.selection_set != nullptr) ForEachCondition(*selection.selection_set, visit);
  }
}

template <typename Visitor>
void ForEachCondition(const graphql::Document& document, const graphql::Operation& operation,
                      const Visitor& visit) {
  ForEachCondition(*operation.selection_set, visit);
  for (const graphql::Fragment& fragment : document.fragments) {
    ForEachCondition(*fragment.selection_set, visit);
  }
}

// What distinguishes the plans of one document: the operation, the variables of @include and @skip,
// and whether responses tell their time.
std::string PlanKey(const PreparedDocument& document, const graphql::Operation& operation,
                    const Variables& variables, bool timing) {
  std::string key = std::to_string(reinterpret_cast<uintptr_t>(&document));
  key += ' ';
  key += std::to_string(operation.offset);
  key += timing ? '+' : ' ';
  ForEachCondition(*document.document, operation, [&](const graphql::Argument& argument) {
    key += variables.Resolve(*argument.value).is_true() ? 't' : 'f';
  });
  return key;
}

std::shared_ptr<const PreparedDocument> FindDocument(const std::shared_ptr<const Catalog>& catalog,
                                                     std::shared_ptr<const Audience> audience,
                                                     PlanCache* cache,
                                                     const OperationRequest& request,
                                                     const OperationLimits& limits,
                                                     PrepareResult* refused) {
  std::string key = std::to_string(reinterpret_cast<uintptr_t>(catalog.get()));
  key.append(" ").append(std::to_string(reinterpret_cast<uintptr_t>(audience.get())));
  key.append(" ").append(request.query);
  if (auto known = cache->documents.Find(key)) return known;
  if (request.query.size() > limits.max_size) {
    *refused = Refuse({{"Document is larger than " + std::to_string(limits.max_size) + " bytes.",
                        kErrorParseFailed}});
    return nullptr;
  }
  const graphql::ParseResult parsed =
      graphql::ParseDocument(request.query, {.max_tokens = limits.max_tokens});
  if (parsed.error) {
    *refused = Refuse(WithCode({*parsed.error}, kErrorParseFailed));
    return nullptr;
  }
  AccessRefusal denied = CheckAccess(catalog->schema(), *audience, *parsed.document);
  if (!denied.errors.empty()) {
    *refused = RefuseAccess(std::move(denied), *parsed.document);
    return nullptr;
  }
  std::vector<graphql::Error> errors = graphql::Validate(catalog->schema(), *parsed.document,
                                                         {.max_depth = limits.max_depth,
                                                          .max_aliases = limits.max_aliases,
                                                          .max_selections = limits.max_selections,
                                                          .introspection = limits.introspection,
                                                          .suggestions = limits.introspection,
                                                          .visibility = &audience->visibility()});
  if (!errors.empty()) {
    *refused = Refuse(WithCode(std::move(errors), kErrorValidationFailed));
    return nullptr;
  }
  return cache->documents.Add(key, std::make_unique<const PreparedDocument>(PreparedDocument{
                                       catalog, std::move(audience), parsed.document}));
}

FilterLimits FilterLimitsOf(const OperationLimits& limits) {
  return {.max_conditions = limits.max_conditions, .max_bytes = limits.max_filter};
}

}  // namespace

PrepareResult Prepare(const std::shared_ptr<const Catalog>& catalog, PlanCache* cache,
                      const OperationRequest& request,
                      const std::shared_ptr<const Identity>& identity,
                      const OperationLimits& limits) {
  if (!catalog) {
    return Refuse(
        {{"There is no catalog: the database does not exist, or the extension fraiseql_subs is not "
          "created in it.",
          kErrorServiceUnavailable}});
  }
  PrepareResult result;
  const auto audience = catalog->access().AudienceOf(identity);
  const auto prepared = FindDocument(catalog, audience, cache, request, limits, &result);
  if (!prepared) return result;
  const graphql::Document& document = *prepared->document;

  std::string problem;
  const graphql::Operation* const operation =
      ChooseOperation(document, request.operation_name, &problem);
  if (operation == nullptr) return Refuse({{problem, kErrorOperationResolution}});
  const bool is_subscription = operation->kind == graphql::OperationKind::kSubscription;
  if (is_subscription && catalog->fields().empty()) {
    return Refuse({{"Schema is not configured to execute subscription operation.",
                    kErrorOperationNotSupported,
                    {document.LocationOf(operation->offset)}}});
  }

  AccessRefusal denied =
      CheckAccess(catalog->schema(), *audience, document, *operation, request.variables);
  if (!denied.errors.empty()) return RefuseAccess(std::move(denied), document);

  Variables variables;
  std::vector<Error> errors =
      variables.Coerce(catalog->schema(), document, *operation, request.variables,
                       limits.introspection ? &audience->visibility() : nullptr);
  if (!errors.empty()) return Refuse(std::move(errors));

  ForEachCondition(document, *operation, [&](const graphql::Argument& argument) {
    if (!variables.Resolve(*argument.value).is_null()) return;
    RefuseNull(document, argument, "Boolean!", &errors);
  });
  if (!errors.empty()) return Refuse(std::move(errors));

  const std::string key = PlanKey(*prepared, *operation, variables, request.timing);
  std::shared_ptr<const Plan> plan = cache->plans.Find(key);
  if (!plan) {
    auto compiled = CompilePlan(prepared, *operation, variables, request.timing);
    if (!compiled) {
      return Refuse({{"The operation selects no field, or too many.",
                      kErrorValidationFailed,
                      {document.LocationOf(operation->offset)}}});
    }
    plan = cache->plans.Add(key, std::move(compiled));
  }
  if (operation->kind == graphql::OperationKind::kMutation && RenewalsIn(*plan) > 0) {
    if (RenewalsIn(*plan) > 1) {
      return Refuse({{"An operation renews once.",
                      kErrorOperationNotSupported,
                      {document.LocationOf(operation->offset)}}});
    }
    const graphql::Argument& argument = TokenArgumentOf(*plan);
    const GivenValue token = variables.Resolve(*argument.value);
    if (token.is_null()) {
      RefuseNull(document, argument, "String!", &errors);
      return Refuse(std::move(errors));
    }
    result.renewal = {std::string(token.json ? token.json->text() : token.literal->text),
                      std::move(plan)};
    return result;
  }
  if (!is_subscription) {
    ExecuteQuery(*catalog, document, *plan, variables, limits.max_response, &result.response);
    return result;
  }
  const FieldPlan& root = plan->root();
  result.field = root.name;
  const SubscriptionField& field = *catalog->FindField(root.name);
  Denials denials;
  std::vector<Demand> demands = DemandsOf(field.rules, *identity, &denials);
  // Who is refused anyway is not told what is wrong with the arguments.
  if (const auto denial = denials.ReasonFor(identity->is_anonymous)) return Deny(*denial, root);
  std::vector<Predicate> conditions = CompileArguments(document, field, *root.selection, variables,
                                                       FilterLimitsOf(limits), &errors);
  if (!errors.empty()) {
    result.errors = std::move(errors);
    return result;
  }
  if (!KeepsToScope(field.rules, *identity, conditions)) denials.Add(Denial::kScopeMismatch);
  if (const auto denial = denials.ReasonFor(identity->is_anonymous)) return Deny(*denial, root);

  PreparedSubscription subscription;
  subscription.field = &field;
  subscription.catalog = catalog;
  subscription.identity = identity;
  subscription.operation_name = operation->name.text;
  subscription.variables = variables.GivenJson();
  subscription.filter = MakeFilter(std::move(demands), std::move(conditions));
  if (field.resolver) {
    subscription.arguments = ArgumentsJson(field.definition->arguments, *root.selection, variables);
  }
  subscription.plan = std::move(plan);
  result.subscription = std::move(subscription);
  return result;
}

std::optional<Filter> FilterOfArguments(const PreparedSubscription& subscription,
                                        const OperationLimits& limits) {
  const graphql::Document& document = subscription.plan->document();
  std::optional<std::string_view> name;
  if (!subscription.operation_name.empty()) name = subscription.operation_name;
  std::string problem;
  const graphql::Operation* const operation = ChooseOperation(document, name, &problem);
  JsonTree given;
  std::optional<JsonValue> values;
  if (!subscription.variables.empty() && given.ParseCopy(subscription.variables)) {
    values = given.root();
  }
  Variables variables;
  std::vector<Error> errors =
      variables.Coerce(subscription.catalog->schema(), document, *operation, values);
  if (!errors.empty()) return std::nullopt;
  std::vector<Predicate> conditions =
      CompileArguments(document, *subscription.field, *subscription.plan->root().selection,
                       variables, FilterLimitsOf(limits), &errors);
  if (!errors.empty()) return std::nullopt;
  return MakeFilter({}, std::move(conditions));
}

}  // namespace fsubs
