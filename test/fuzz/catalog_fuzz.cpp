// Any text as a catalog, as Redis or a file has it: what is made of it answers operations on each
// of its fields, and what cannot be served is left out and said.
#include <memory>
#include <string>
#include <string_view>

#include "test/operation_limits.hpp"
#include "worker/bus/memory/catalog_file.hpp"
#include "worker/event/encode.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/operation/operation.hpp"

using namespace fsubs;

namespace {

constexpr char kEvent[] = R"({"id":1,"row":{"id":1,"t":"a"},"old":null,"l":[{"id":"x"},null]})";

void Require(bool holds) {
  if (!holds) __builtin_trap();
}

void Ask(const std::shared_ptr<const Catalog>& catalog, const std::string& query) {
  PlanCache plans;
  OperationRequest request;
  request.query = query;
  const PrepareResult result = Prepare(catalog, &plans, request, catalog->anonymous(), kTestLimits);
  JsonTree tree;
  if (!result.subscription) {
    Require(tree.ParseCopy(result.response.empty() ? ErrorsJson(result.errors) : result.response));
    return;
  }
  JsonTree event;
  Require(event.ParseCopy(kEvent));
  std::string response;
  Encode(*result.subscription->plan, event.root(), {.position = "1-0"}, &response);
  Require(tree.ParseCopy(response));
}

void Check(const std::shared_ptr<const Catalog>& catalog) {
  for (const std::string& problem : catalog->left_out()) Require(!problem.empty());
  Require(catalog->KeepsRulesOf(*catalog));
  // Clients without credentials are let in, or not.
  if (!catalog->anonymous()) return;
  Ask(catalog, "{ __schema { types { name fields { name args { name type { name } } } } } }");
  for (const SubscriptionField& field : catalog->fields()) {
    Require(catalog->FindField(field.name) == &field && field.definition != nullptr);
    Ask(catalog, "subscription { " + field.name + " }");
    Ask(catalog, "subscription { " + field.name + " { __typename id row { id t } l { id } } }");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string error;
  const auto catalog = Catalog::FromSnapshot(text, &error);
  Require((catalog == nullptr) == !error.empty());
  if (catalog) Check(catalog);

  std::string problem;
  const auto snapshot = SnapshotOf(text, {}, &problem);
  Require(snapshot.has_value() == problem.empty());
  if (!snapshot) return 0;
  std::string none;
  const auto from_file = Catalog::FromSnapshot(*snapshot, &none, Resolving::kImpossible);
  Require(from_file != nullptr);
  Check(from_file);
  return 0;
}
