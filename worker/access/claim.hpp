// A claim of a client, as registrations name it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/filter/comparable.hpp"
#include "worker/identity/identity.hpp"
#include "worker/json/json_path.hpp"

namespace fsubs {

class Claim {
 public:
  // "user", "tenant", "roles", "scopes", "subgraphs", "role", or a path into the claims such as
  // "$.regions". Nothing for anything else.
  static std::optional<Claim> Parse(std::string_view text);

  // As it was registered.
  const std::string& text() const { return text_; }

  // A client's values. Null and objects are none, nor are those in a list.
  struct Values {
    bool given = false;              // there are some
    std::vector<std::string> forms;  // of those that the comparison is about; sorted, none twice
  };
  Values Of(const Identity& identity, Comparison comparison) const;

 private:
  enum class Member { kUser, kTenant, kRoles, kScopes, kSubgraphs, kRole, kPath };

  std::string text_;
  Member member_ = Member::kPath;
  JsonPath path_;
};

}  // namespace fsubs
