// Catalogs whose fields have access rules, and subscriptions to them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "test/operation_limits.hpp"
#include "test/unit/worker/access/somebody.hpp"
#include "worker/operation/operation.hpp"

namespace fsubs {

inline constexpr char kAccessTypes[] =
    "type Order { id: ID! owner: ID tenant: String region: String count: Int key: UUID "
    "tags: [String!] numbers: [Int!] customer: Customer lines: [Line!] } "
    "type Customer { userId: ID owner: ID name: String } type Line { owner: ID sku: String } "
    "scalar UUID type Row { id: ID! note: String tenant: String owner: ID userId: ID } "
    "type Change { operation: String! row: Row old: Row }";

class AccessCatalog {
 public:
  // Members of a registration, such as `"tenant_field": "tenant"`, of two fields: `order` of
  // channel "orders" and `change` of channel "changes", on which a table is watched.
  explicit AccessCatalog(const std::string& access, const std::string& tenant_setting = "") {
    const auto row = [&](const std::string& name, const std::string& field,
                         const std::string& channel) {
      return R"({"name": ")" + name + R"(", "field": ")" + field + R"(", "channel": ")" + channel +
             R"(", "event_types": null)" + (access.empty() ? "" : ", " + access) + "}";
    };
    const std::string snapshot =
        R"({"extension_version": "0.1.0", "server_version": "15.1", "types": ")" +
        std::string(kAccessTypes) + R"(", "subscriptions": [)" +
        row("order",
            "order(id: ID, owner: ID, count: Int, key: UUID, region: String, where: OrderFilter): "
            "Order",
            "orders") +
        "," +
        row("change", "change(owner: ID, note: String, where: ChangeFilter): Change", "changes") +
        R"(], "columns": {"changes": {"id": "int8", "org": "uuid", "hidden": "text",)"
        R"( "owners": "int8[]", "tenant": "text", "operation": "text"}}, "tenant_field": ")" +
        tenant_setting + "\"}";
    std::string error;
    catalog_ = Catalog::FromSnapshot(snapshot, &error);
    EXPECT_TRUE(catalog_) << error << "\n" << snapshot;
  }

  PrepareResult Prepare(const std::string& query, std::shared_ptr<const Identity> identity,
                        const std::string& variables = "{}") {
    OperationRequest request;
    request.query = query;
    JsonTree tree;
    EXPECT_TRUE(tree.ParseCopy(variables));
    request.variables = tree.root();
    return fsubs::Prepare(catalog_, &plans_, request, std::move(identity), kTestLimits);
  }

  // Why a client is denied: the reason, "" if it is not, and the message of another error.
  std::string DenialOf(const std::string& query, std::shared_ptr<const Identity> identity,
                       const std::string& variables = "{}") {
    const PrepareResult result = Prepare(query, std::move(identity), variables);
    if (result.subscription) return "";
    return result.denial ? std::string(NameOf(*result.denial)) : result.errors.front().message;
  }

  const Catalog& catalog() const { return *catalog_; }

 private:
  std::shared_ptr<const Catalog> catalog_;
  PlanCache plans_;
};

}  // namespace fsubs
