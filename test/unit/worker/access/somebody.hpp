// Clients as tests need them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/identity/identity.hpp"

namespace fsubs {

struct Somebody {
  bool is_anonymous = false;
  std::optional<std::string> user = "u1";
  std::optional<std::string> tenant;
  std::vector<std::string> roles;
  std::vector<std::string> subgraphs;  // sorted
  std::string claims = "{}";

  operator std::shared_ptr<const Identity>() const {
    auto identity = std::make_shared<Identity>();
    identity->is_anonymous = is_anonymous;
    identity->user = user;
    identity->tenant = tenant;
    identity->roles = roles;
    identity->subgraphs = subgraphs;
    EXPECT_TRUE(identity->claims.ParseCopy(claims)) << claims;
    return identity;
  }
};

}  // namespace fsubs
