// Prepares an operation: parses and validates the document, coerces variables, compiles the plan.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/access/denial.hpp"
#include "worker/filter/filter.hpp"
#include "worker/identity/identity.hpp"
#include "worker/json/json_tree.hpp"
#include "worker/operation/catalog.hpp"
#include "worker/operation/error.hpp"
#include "worker/operation/plan_cache.hpp"

namespace fsubs {

struct OperationLimits {
  size_t max_tokens;
  size_t max_depth;
  size_t max_aliases;
  size_t max_selections;
  size_t max_size;        // bytes of the document
  size_t max_conditions;  // of the filter
  size_t max_filter;      // bytes of the compiled filter
  size_t max_response;    // bytes of a query's response
  bool introspection;     // whether clients may ask for the schema; if not, errors suggest no names
};

// The parameters of a GraphQL request. Views the message that they came in.
struct OperationRequest {
  std::string_view query;
  std::optional<std::string_view> operation_name;
  std::optional<JsonValue> variables;
  bool timing = false;  // each response is to say when its event was committed
};

struct PreparedSubscription {
  std::shared_ptr<const Plan> plan;
  std::shared_ptr<const Catalog> catalog;    // owns `field`
  std::shared_ptr<const Identity> identity;  // whom it is for
  const SubscriptionField* field = nullptr;
  Filter filter;
  std::string operation_name;  // empty: anonymous
  // The values that were given to the variables that the operation declares, as a JSON object.
  // Empty: none. Enough to prepare it again.
  std::string variables;
  // Where the field has a resolver: its arguments as that gets them, a JSON object. Equal arguments
  // are equal texts.
  std::string arguments;
};

// A mutation that asks to go on with another token.
struct RenewalRequest {
  std::string token;
  std::shared_ptr<const Plan> plan;  // of the response: worker/operation/renewal.hpp
};

struct PrepareResult {
  std::optional<PreparedSubscription> subscription;
  std::optional<RenewalRequest> renewal;
  std::string response;          // a query was executed: its response
  std::vector<Error> errors;     // otherwise: why it was not
  std::optional<Denial> denial;  // it was not because of who the client is
  std::string field;             // of the root type; empty: it is not known
  bool is_subscription = true;   // as far as it is known
};

// `catalog` may be null: then everything is refused.
PrepareResult Prepare(const std::shared_ptr<const Catalog>& catalog, PlanCache* cache,
                      const OperationRequest& request,
                      const std::shared_ptr<const Identity>& identity,
                      const OperationLimits& limits);

// The filter that the arguments of a subscription make, without what access modules demand. Nothing
// if the limits have become too narrow for it.
std::optional<Filter> FilterOfArguments(const PreparedSubscription& subscription,
                                        const OperationLimits& limits);

}  // namespace fsubs
