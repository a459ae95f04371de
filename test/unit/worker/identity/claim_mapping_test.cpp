#include "worker/identity/claim_mapping.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// By the members of an issuer's row.
ClaimMapping Mapping(const std::string& row) {
  JsonTree tree;
  EXPECT_TRUE(tree.ParseCopy(row));
  std::string error;
  const auto mapping = ClaimMapping::FromRow(tree.root(), &error);
  EXPECT_TRUE(mapping) << error;
  return mapping.value_or(ClaimMapping());
}

std::shared_ptr<const Identity> Map(const ClaimMapping& mapping, const std::string& claims,
                                    const std::string& requested_role = {}) {
  std::string reason;
  auto identity =
      IdentityOf(mapping, claims,
                 {.issuer = "i", .requested_role = requested_role, .expires_at_us = 7}, &reason);
  EXPECT_TRUE(identity) << reason;
  return identity ? identity : std::make_shared<const Identity>();
}

std::string Refusal(const ClaimMapping& mapping, const std::string& claims,
                    const std::string& requested_role = {}) {
  std::string reason;
  EXPECT_FALSE(IdentityOf(mapping, claims, {.requested_role = requested_role}, &reason)) << claims;
  return reason;
}

TEST(ClaimMapping, DefaultHasTheNamesOfTheStandards) {
  const auto identity = Map(Mapping("{}"), R"({"sub":"u","tenant_id":"t","roles":["b","a","b"],
      "scope":"write  read write","subgraphs":"orders","role":"web","other":1})");
  EXPECT_EQ(identity->user, "u");
  EXPECT_EQ(identity->tenant, "t");
  EXPECT_THAT(identity->roles, ElementsAre("a", "b"));
  EXPECT_THAT(identity->scopes, ElementsAre("read", "write"));
  EXPECT_THAT(identity->subgraphs, ElementsAre("orders"));
  EXPECT_EQ(identity->role, "web");
  EXPECT_EQ(identity->claims.root().Find("other")->raw(), "1");
  EXPECT_EQ(identity->issuer, "i");
  EXPECT_EQ(identity->expires_at_us, 7);
  EXPECT_FALSE(identity->is_anonymous);
}

TEST(ClaimMapping, ClaimThatIsMissingNullOrEmptyIsNone) {
  for (const char* claims :
       {"{}",
        R"({"sub":null,"tenant_id":null,"roles":null,"scope":null,"subgraphs":null,"role":null})",
        R"({"sub":"","tenant_id":"","roles":"","scope":"","subgraphs":[],"role":""})",
        R"({"roles":[""],"scope":["",""],"subgraphs":[""]})", R"({"scope":"  "})"}) {
    const auto identity = Map(ClaimMapping(), claims);
    EXPECT_EQ(identity->user, std::nullopt) << claims;
    EXPECT_EQ(identity->tenant, std::nullopt) << claims;
    EXPECT_THAT(identity->roles, IsEmpty()) << claims;
    EXPECT_THAT(identity->scopes, IsEmpty()) << claims;
    EXPECT_THAT(identity->subgraphs, IsEmpty()) << claims;
    EXPECT_EQ(identity->role, "") << claims;
  }
}

TEST(ClaimMapping, UserAndTenantMayBeNumbers) {
  const auto identity =
      Map(ClaimMapping(), R"({"sub":12345678901234567890,"tenant_id":4.2e1,"scope":["a b","c"]})");
  EXPECT_EQ(identity->user, "12345678901234567890");
  EXPECT_EQ(identity->tenant, "42");
  EXPECT_THAT(identity->scopes, ElementsAre("a b", "c"));
}

TEST(ClaimMapping, ClaimOfAnotherTypeRefuses) {
  for (const char* claims :
       {R"({"sub":{}})", R"({"sub":["u"]})", R"({"sub":true})", R"({"tenant_id":[]})",
        R"({"tenant_id":{"id":1}})", R"({"roles":{}})", R"({"roles":1})", R"({"roles":["a",1]})",
        R"({"roles":[null]})", R"({"roles":[["a"]]})", R"({"scope":true})", R"({"scope":[{}]})",
        R"({"subgraphs":0})", R"({"role":["a"]})", R"({"role":1})"}) {
    EXPECT_THAT(Refusal(ClaimMapping(), claims), HasSubstr("has a type that it must not have"));
  }
  for (const char* claims : {"", "null", "[]", "\"sub\"", "{"}) {
    EXPECT_EQ(Refusal(ClaimMapping(), claims), "the claims are no JSON object");
  }
}

TEST(ClaimMapping, RefusalNamesTheClaimAndNotItsValue) {
  EXPECT_EQ(Refusal(Mapping(R"({"preset":"supabase"})"), R"({"app_metadata":{"roles":5678}})"),
            "the claim `app_metadata.roles` has a type that it must not have");
}

TEST(ClaimMapping, NamesClaimsOrPaths) {
  const ClaimMapping mapping = Mapping(R"({"claims":{"user":"uid","tenant":"$.org.\"the id\"",
      "roles":"$.realm_access.roles","scopes":"scp","subgraphs":"a.b","role":"$.db.role"}})");
  const auto identity = Map(mapping, R"({"uid":"u","sub":"no","org":{"the id":"t"},
      "realm_access":{"roles":["r"]},"roles":["no"],"scp":["s"],"a.b":["g"],"a":{"b":["no"]},
      "db":{"role":"web"}})");
  EXPECT_EQ(identity->user, "u");
  EXPECT_EQ(identity->tenant, "t");
  EXPECT_THAT(identity->roles, ElementsAre("r"));
  EXPECT_THAT(identity->scopes, ElementsAre("s"));
  EXPECT_THAT(identity->subgraphs, ElementsAre("g"));
  EXPECT_EQ(identity->role, "web");
}

TEST(ClaimMapping, OfSomethingUnknownIsAnError) {
  for (const char* row :
       {R"({"claims":{"users":"sub"}})", R"({"claims":{"user":1}})", R"({"claims":{"user":null}})",
        R"({"claims":{"user":""}})", R"({"claims":{"user":"$.a["}})", R"({"claims":[]})",
        R"({"claims":"sub"})", R"({"preset":"okta"})", R"({"preset":""})", R"({"preset":1})"}) {
    JsonTree tree;
    ASSERT_TRUE(tree.ParseCopy(row));
    std::string error;
    EXPECT_EQ(ClaimMapping::FromRow(tree.root(), &error), std::nullopt) << row;
    EXPECT_NE(error, "");
  }
}

TEST(ClaimMapping, PresetOfSupabase) {
  const auto identity = Map(Mapping(R"({"preset":"supabase"})"),
                            R"({"sub":"u","role":"authenticated","tenant_id":"no","roles":["no"],
      "app_metadata":{"tenant_id":"t","roles":["r"]},"user_metadata":{"roles":["no"]}})");
  EXPECT_EQ(identity->user, "u");
  EXPECT_EQ(identity->tenant, "t");
  EXPECT_THAT(identity->roles, ElementsAre("r"));
  EXPECT_EQ(identity->role, "authenticated");
}

TEST(ClaimMapping, PresetOfPostgrest) {
  const auto identity = Map(Mapping(R"({"preset":"postgrest"})"),
                            R"({"sub":"u","role":"web","tenant_id":"t","roles":["r"]})");
  EXPECT_EQ(identity->user, "u");
  EXPECT_EQ(identity->tenant, "t");
  EXPECT_THAT(identity->roles, ElementsAre("r"));
  EXPECT_EQ(identity->role, "web");
}

TEST(ClaimMapping, PresetOfOidcHasGroupsBesideRoles) {
  const auto identity =
      Map(Mapping(R"({"preset":"oidc"})"),
          R"({"sub":"u","groups":["g","r"],"roles":["r"],"scope":"openid mail"})");
  EXPECT_THAT(identity->roles, ElementsAre("g", "r"));
  EXPECT_THAT(identity->scopes, ElementsAre("mail", "openid"));
}

TEST(ClaimMapping, ClaimsBesideAPresetReplaceSingleOnes) {
  const auto identity =
      Map(Mapping(R"({"preset":"oidc","claims":{"roles":"grants","tenant":"org"}})"),
          R"({"sub":"u","groups":["no"],"roles":["no"],"grants":["g"],"org":"t","scope":"s"})");
  EXPECT_EQ(identity->user, "u");
  EXPECT_EQ(identity->tenant, "t");
  EXPECT_THAT(identity->roles, ElementsAre("g"));
  EXPECT_THAT(identity->scopes, ElementsAre("s"));
}

constexpr char kHasura[] = R"({"preset":"hasura"})";
const std::string kNamespace =
    R"({"x-hasura-user-id":"u","x-hasura-tenant-id":"t","x-hasura-default-role":"user",)"
    R"("x-hasura-allowed-roles":["user","editor"]})";
const std::string kHasuraClaims =
    R"({"sub":"no","https://hasura.io/jwt/claims":)" + kNamespace + "}";

std::string InText(const std::string& object) {
  std::string text;
  for (const char c : object) text += c == '"' ? "\\\"" : std::string(1, c);
  return R"({ "a": 1, "https://hasura.io/jwt/claims" : ")" + text + R"(" , "b": [2] })";
}

TEST(HasuraClaims, SayWhoAClientIs) {
  for (const std::string& claims : {kHasuraClaims, InText(kNamespace)}) {
    const auto identity = Map(Mapping(kHasura), claims);
    EXPECT_EQ(identity->user, "u") << claims;
    EXPECT_EQ(identity->tenant, "t") << claims;
    EXPECT_THAT(identity->roles, ElementsAre("editor", "user")) << claims;
    EXPECT_EQ(identity->role, "user") << claims;
  }
}

TEST(HasuraClaims, InATextAreReachedByPathsToo) {
  const auto identity = Map(Mapping(kHasura), InText(kNamespace));
  const auto user =
      ValueAtPath(identity->claims.root(),
                  *ParseJsonPath(R"($."https://hasura.io/jwt/claims"."x-hasura-user-id")"));
  ASSERT_TRUE(user);
  EXPECT_EQ(user->text(), "u");
  EXPECT_EQ(identity->claims.root().Find("b")->raw(), "[2]");
}

TEST(HasuraClaims, RoleIsTheOneAskedForIfItIsAllowed) {
  EXPECT_EQ(Map(Mapping(kHasura), kHasuraClaims, "editor")->role, "editor");
  EXPECT_EQ(Map(Mapping(kHasura), kHasuraClaims, "user")->role, "user");
  for (const char* role : {"admin", "User", "user ", "editor,user"}) {
    EXPECT_THAT(Refusal(Mapping(kHasura), kHasuraClaims, role),
                HasSubstr("not among `x-hasura-allowed-roles`"));
  }
}

TEST(HasuraClaims, DefaultRoleMustBeAllowed) {
  EXPECT_THAT(Refusal(Mapping(kHasura), R"({"https://hasura.io/jwt/claims":
      {"x-hasura-default-role":"admin","x-hasura-allowed-roles":["user"]}})"),
              HasSubstr("not among"));
}

TEST(HasuraClaims, MustBeThereWithADefaultRole) {
  for (const char* claims : {"{}", R"({"https://hasura.io/jwt/claims":null})"}) {
    EXPECT_THAT(Refusal(Mapping(kHasura), claims, "user"), HasSubstr("claims` is missing"));
  }
  EXPECT_THAT(Refusal(Mapping(kHasura), R"({"https://hasura.io/jwt/claims":
      {"x-hasura-allowed-roles":["user"]}})",
                      "user"),
              HasSubstr("`x-hasura-default-role` is missing"));
}

TEST(HasuraClaims, AreNamedInAnyCase) {
  const auto identity = Map(Mapping(kHasura), R"({"https://hasura.io/jwt/claims":
      {"X-Hasura-User-Id":"u","X-HASURA-TENANT-ID":"t","X-Hasura-Default-Role":"user",
       "X-Hasura-Allowed-Roles":["user"]}})");
  EXPECT_EQ(identity->user, "u");
  EXPECT_EQ(identity->tenant, "t");
  EXPECT_EQ(identity->role, "user");
  EXPECT_THAT(identity->roles, ElementsAre("user"));
  EXPECT_THAT(Refusal(Mapping(kHasura), R"({"https://hasura.io/jwt/claims":
      {"X-Hasura-User-Id":"u","x-hasura-user-id":"v","x-hasura-default-role":"user",
       "x-hasura-allowed-roles":["user"]}})"),
              HasSubstr("differ only in case"));
}

TEST(HasuraClaims, ThatAreNoObjectRefuse) {
  for (const char* claims : {"\"x\"", "\"[]\"", "\"\"", R"("{\"a\":1,\"a\":2}")", R"("{}{}")"}) {
    EXPECT_THAT(Refusal(Mapping(kHasura),
                        R"({"https://hasura.io/jwt/claims":)" + std::string(claims) + "}"),
                HasSubstr("is no JSON object"))
        << claims;
  }
}

TEST(HasuraClaims, AreThoseOfThatPresetAlone) {
  const auto identity = Map(ClaimMapping(), kHasuraClaims, "admin");
  EXPECT_EQ(identity->user, "no");
  EXPECT_EQ(identity->role, "");
}

}  // namespace
}  // namespace fsubs
