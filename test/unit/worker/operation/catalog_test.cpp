#include "worker/operation/catalog.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::shared_ptr<const Catalog> CatalogWith(const std::string& members) {
  std::string error;
  auto catalog = Catalog::FromSnapshot(
      R"({"extension_version":"1","server_version":"15","types":"type O { id: ID }",
          "subscriptions":[{"name":"o","field":"o: O","channel":"c","event_types":null}])" +
          members + "}",
      &error);
  EXPECT_TRUE(catalog) << error;
  return catalog;
}

TEST(Catalog, AnonymousClaimsAreMappedByTheDefault) {
  const auto catalog = CatalogWith(R"(,"anonymous_claims":{"roles":["guest"],"tenant_id":7})");
  ASSERT_TRUE(catalog->anonymous());
  EXPECT_TRUE(catalog->anonymous()->is_anonymous);
  EXPECT_EQ(catalog->anonymous()->tenant, "7");
  EXPECT_EQ(catalog->anonymous()->user, std::nullopt);
  EXPECT_THAT(catalog->anonymous()->roles, ElementsAre("guest"));
  EXPECT_THAT(catalog->left_out(), IsEmpty());
}

TEST(Catalog, AnonymousClaimsThatMakeNobodyLetNobodyIn) {
  const auto catalog = CatalogWith(R"(,"anonymous_claims":{"roles":{}})");
  EXPECT_EQ(catalog->anonymous(), nullptr);
  EXPECT_THAT(catalog->left_out(),
              ElementsAre("fraiseql_subs.anonymous_claims: the claim `roles` has a type that it"
                          " must not have"));
}

TEST(Catalog, IssuerThatCannotBeUsedIsLeftOut) {
  const auto catalog = CatalogWith(R"(,"issuers":[{"name":"i","secret":"short"}])");
  EXPECT_THAT(catalog->left_out(), ElementsAre(HasSubstr("issuer \"i\"")));
  EXPECT_EQ(catalog->issuers().Of(std::nullopt), nullptr);
  EXPECT_EQ(catalog->fields().size(), 1u);
}

TEST(Catalog, LimitThatCannotBeReadIsLeftOut) {
  const auto catalog = CatalogWith(
      R"(,"limits":[{"role":null,"limits":{"connections_per_user":-1,"events_per_user":"5/s"}},
          {"role":"a","limits":{"connections_per_user":"x","subscriptions_per_user":3,"other":1}},
          {"role":"b","limits":[]},{"role":7,"limits":{}}])");
  EXPECT_THAT(
      catalog->left_out(),
      ElementsAre("limits: \"connections_per_user\" has a value that is none",
                  "limits of role \"a\": \"connections_per_user\" has a value that is none",
                  "limits of role \"a\": there is no \"other\"",
                  "limits of role \"b\": they are no object", "limits: the role is no text"));
  const auto& rows = catalog->role_limits();
  ASSERT_EQ(rows.size(), 2u);
  ASSERT_EQ(rows[0].values.size(), 2u);
  EXPECT_EQ(rows[0].values[0],
            std::pair(LimitKey::kConnectionsPerUser, std::optional(LimitValue())))
      << "what holds for everybody lets nothing in";
  ASSERT_EQ(rows[1].values.size(), 1u);
  EXPECT_EQ(rows[1].values[0].first, LimitKey::kSubscriptionsPerUser)
      << "of a role, what holds for everybody does";
  EXPECT_EQ(catalog->fields().size(), 1u);
}

TEST(Catalog, LimitsOfEverybodyThatAreNoObjectLetNothingIn) {
  const auto catalog = CatalogWith(R"(,"limits":[{"role":null,"limits":"none"}])");
  ASSERT_EQ(catalog->role_limits().size(), 1u);
  const auto& values = catalog->role_limits().front().values;
  EXPECT_FALSE(values.empty());
  for (const auto& [key, value] : values) EXPECT_EQ(value->count, 0u);
}

TEST(Catalog, SubscriptionWhoseRowCannotBeReadIsLeftOut) {
  std::string error;
  const auto catalog = Catalog::FromSnapshot(
      R"({"extension_version":"1","server_version":"15","types":"type O { id: ID }",
          "subscriptions":[{"name":"o","field":"o: O","channel":"c","event_types":null},
            {"name":"p","field":"p: O","channel":"c","event_types":[["a"],["b"]]},
            {"name":"q","field":"q: O","channel":"c","roles":[["a"]]},
            {"name":"r","field":"r: O","channel":null}]})",
      &error);
  ASSERT_TRUE(catalog) << error;
  EXPECT_THAT(catalog->left_out(), ElementsAre("subscription \"p\": its row cannot be read",
                                               "subscription \"q\": its row cannot be read",
                                               "subscription \"r\": its row cannot be read"));
  ASSERT_EQ(catalog->fields().size(), 1u);
  EXPECT_EQ(catalog->fields().front().name, "o");
}

}  // namespace
}  // namespace fsubs
