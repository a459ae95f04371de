#include "worker/client/renewal.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace fsubs {
namespace {

struct Somebody {
  std::string issuer = "i";
  std::optional<std::string> user = "u";
  std::optional<std::string> tenant = "t";
};

void Fill(const Somebody& somebody, Identity* identity) {
  identity->is_anonymous = false;
  identity->issuer = somebody.issuer;
  identity->user = somebody.user;
  identity->tenant = somebody.tenant;
}

std::string Problem(const Somebody& now, const Somebody& next) {
  Identity is;
  Identity becomes;
  Fill(now, &is);
  Fill(next, &becomes);
  return ProblemOfRenewal(is, becomes);
}

TEST(RenewalTest, WhatOneMayDoAndUntilWhenMayChange) {
  Identity now;
  Identity next;
  Fill({}, &now);
  Fill({}, &next);
  next.roles = {"admin"};
  next.scopes = {"read"};
  next.subgraphs = {"s"};
  next.role = "web";
  next.expires_at_us = 1;
  EXPECT_EQ(ProblemOfRenewal(now, next), "");
}

TEST(RenewalTest, UserTenantAndIssuerStay) {
  EXPECT_EQ(Problem({}, {.user = "v"}), "the token is another user's");
  EXPECT_EQ(Problem({}, {.tenant = "v"}), "the token is another tenant's");
  EXPECT_EQ(Problem({}, {.issuer = "j"}), "the token is another issuer's");
}

TEST(RenewalTest, LosingOrGainingOneIsAChange) {
  const Somebody without_user{.user = std::nullopt};
  const Somebody without_tenant{.tenant = std::nullopt};
  for (const Somebody& without : {without_user, without_tenant}) {
    EXPECT_NE(Problem({}, without), "");
    EXPECT_NE(Problem(without, {}), "");
    EXPECT_EQ(Problem(without, without), "");
  }
}

TEST(RenewalTest, NobodyBecomesOrCeasesToBeAnonymous) {
  Identity somebody;
  Fill({}, &somebody);
  EXPECT_NE(ProblemOfRenewal(Identity(), somebody), "");
  EXPECT_NE(ProblemOfRenewal(somebody, Identity()), "");
}

}  // namespace
}  // namespace fsubs
