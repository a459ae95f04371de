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

}  // namespace
}  // namespace fsubs
