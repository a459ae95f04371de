// A small catalog that tests of the worker's parts serve from.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "test/operation_limits.hpp"
#include "worker/operation/catalog.hpp"
#include "worker/operation/operation.hpp"

namespace fsubs {

inline constexpr char kServedSnapshot[] = R"json({
  "extension_version": "0.1.0", "server_version": "15.1",
  "types": "type Order { id: ID! status: Status total: Float quantity: Int note: String paid: Boolean tags: [String!] items: [Item] extra: JSON owner: Party } type Item { sku: String! order: Order } enum Status { NEW PAID } scalar JSON interface Party { name: String! } type Person implements Party { name: String! age: Int } type Firm implements Party { name: String! tax: String } type Change { operation: String! row: Order old: Order } interface Node { id: ID! } interface Named implements Node { id: ID! name: String } type Cat implements Named & Node { id: ID! name: String lives: Int! } type Dog implements Node { id: ID! bark: Boolean } type Stone { weight: Float } union Thing = Cat | Dog | Stone type Box { thing: Thing things: [Thing!] node: Node nodes: [[Node]!] named: Named must: Thing! } scalar Money",
  "subscriptions": [
    {"name": "orderUpdated", "field": "orderUpdated(id: ID, status: Status, total: Float): Order", "channel": "orders", "event_types": null},
    {"name": "orderPaid", "field": "orderPaid: Order!", "channel": "orders", "event_types": ["paid"]},
    {"name": "boxed", "field": "boxed: Box", "channel": "boxes", "event_types": null},
    {"name": "changed", "field": "changed(id: ID, operation: String): Change", "channel": "changes", "event_types": null}
  ]})json";

class ServedCatalog {
 public:
  ServedCatalog() {
    std::string error;
    catalog_ = Catalog::FromSnapshot(kServedSnapshot, &error);
    EXPECT_TRUE(catalog_) << error;
  }

  PrepareResult Prepare(const std::string& query, const std::string& variables = "",
                        std::optional<std::string> operation_name = std::nullopt) {
    OperationRequest request;
    request.query = query;
    if (operation_name) request.operation_name = *operation_name;
    JsonTree tree;
    if (!variables.empty()) {
      EXPECT_TRUE(tree.ParseCopy(variables)) << tree.error();
      request.variables = tree.root();
    }
    return fsubs::Prepare(catalog_, &plans, request, catalog_->anonymous(), limits);
  }

  PlanCache plans;
  OperationLimits limits = kTestLimits;

 private:
  std::shared_ptr<const Catalog> catalog_;
};

}  // namespace fsubs
