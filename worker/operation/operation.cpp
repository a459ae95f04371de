#include "worker/operation/operation.hpp"

#include "graphql/language/parser.hpp"
#include "graphql/validation/validate.hpp"
#include "worker/operation/coerce.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/operation/filter_compiler.hpp"
#include "worker/operation/query.hpp"

namespace fsubs {
namespace {

PrepareResult Refuse(const std::vector<graphql::Error>& errors, std::string_view code) {
  PrepareResult result;
  AppendErrors(errors, code, &result.errors);
  return result;
}

// GetOperation of the specification, section 6.1.1. Null, with `*error` set, if there is none.
const graphql::Operation* ChooseOperation(const graphql::Document& document,
                                          const std::optional<std::string_view>& name,
                                          graphql::Error* error) {
  if (!name) {
    if (document.operations.size() == 1) return &document.operations.front();
    error->message = document.operations.empty()
                         ? "Must provide an operation."
                         : "Must provide operation name if query contains multiple operations.";
    return nullptr;
  }
  for (const graphql::Operation& operation : document.operations) {
    if (operation.name && operation.name.text == *name) return &operation;
  }
  error->message = "Unknown operation named \"" + std::string(*name) + "\".";
  return nullptr;
}

// A variable with a default may stand where null may not; then null must not be its value.
void RefuseNull(const graphql::Document& document, const graphql::Argument& argument,
                std::string_view type, std::vector<graphql::Error>* errors) {
  errors->push_back({"Argument \"" + std::string(argument.name.text) + "\" of non-null type \"" +
                         std::string(type) + "\" must not be null.",
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

// What makes plans of one document differ: the operation, the variables of @include and @skip, and
// whether responses tell their time.
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
                                                     PlanCache* cache,
                                                     const OperationRequest& request,
                                                     const OperationLimits& limits,
                                                     PrepareResult* refused) {
  std::string key = std::to_string(reinterpret_cast<uintptr_t>(catalog.get()));
  key.append(" ").append(request.query);
  if (auto known = cache->documents.Find(key)) return known;
  if (request.query.size() > limits.max_size) {
    *refused =
        Refuse({{"Document is larger than " + std::to_string(limits.max_size) + " bytes.", {}}},
               "GRAPHQL_PARSE_FAILED");
    return nullptr;
  }
  const graphql::ParseResult parsed =
      graphql::ParseDocument(request.query, {.max_tokens = limits.max_tokens});
  if (parsed.error) {
    *refused = Refuse({*parsed.error}, "GRAPHQL_PARSE_FAILED");
    return nullptr;
  }
  const std::vector<graphql::Error> errors =
      graphql::Validate(catalog->schema(), *parsed.document,
                        {.max_depth = limits.max_depth,
                         .max_aliases = limits.max_aliases,
                         .max_selections = limits.max_selections,
                         .introspection = limits.introspection,
                         .suggestions = limits.introspection});
  if (!errors.empty()) {
    *refused = Refuse(errors, "GRAPHQL_VALIDATION_FAILED");
    return nullptr;
  }
  return cache->documents.Add(
      key, std::make_unique<const PreparedDocument>(PreparedDocument{catalog, parsed.document}));
}

}  // namespace

PrepareResult Prepare(const std::shared_ptr<const Catalog>& catalog, PlanCache* cache,
                      const OperationRequest& request, const OperationLimits& limits) {
  PrepareResult result;
  const auto prepared = FindDocument(catalog, cache, request, limits, &result);
  if (!prepared) return result;
  const graphql::Document& document = *prepared->document;

  graphql::Error error;
  const graphql::Operation* const operation =
      ChooseOperation(document, request.operation_name, &error);
  if (operation == nullptr) return Refuse({error}, "OPERATION_RESOLUTION_FAILURE");
  if (operation->kind == graphql::OperationKind::kMutation) {
    return Refuse({{"Mutations are not served here: events are published in SQL.",
                    {document.LocationOf(operation->offset)}}},
                  "OPERATION_NOT_SUPPORTED");
  }
  const bool is_query = operation->kind == graphql::OperationKind::kQuery;
  if (!is_query && catalog->fields().empty()) {
    return Refuse({{"Schema is not configured to execute subscription operation.",
                    {document.LocationOf(operation->offset)}}},
                  "OPERATION_NOT_SUPPORTED");
  }

  Variables variables;
  std::vector<graphql::Error> errors = variables.Coerce(catalog->schema(), document, *operation,
                                                        request.variables, limits.introspection);
  if (!errors.empty()) return Refuse(errors, "BAD_USER_INPUT");

  ForEachCondition(document, *operation, [&](const graphql::Argument& argument) {
    if (!variables.Resolve(*argument.value).is_null()) return;
    RefuseNull(document, argument, "Boolean!", &errors);
  });
  if (!errors.empty()) return Refuse(errors, "BAD_USER_INPUT");

  const std::string key = PlanKey(*prepared, *operation, variables, request.timing);
  std::shared_ptr<const Plan> plan = cache->plans.Find(key);
  if (!plan) {
    auto compiled = CompilePlan(prepared, *operation, variables, request.timing);
    if (!compiled) {
      return Refuse({{"The operation selects no field, or too many.",
                      {document.LocationOf(operation->offset)}}},
                    "GRAPHQL_VALIDATION_FAILED");
    }
    plan = cache->plans.Add(key, std::move(compiled));
  }
  if (operation->kind == graphql::OperationKind::kQuery) {
    ExecuteQuery(*catalog, document, *plan, variables, limits.max_response, &result.response);
    return result;
  }
  const FieldPlan& root = plan->root();
  PreparedSubscription subscription;
  subscription.field = catalog->FindField(root.name);
  subscription.catalog = catalog;
  subscription.operation_name = operation->name.text;
  subscription.filter =
      CompileFilter(document, *subscription.field, *root.selection, variables, &errors);
  if (!errors.empty()) return Refuse(errors, "BAD_USER_INPUT");
  subscription.plan = std::move(plan);
  result.subscription = std::move(subscription);
  return result;
}

}  // namespace fsubs
