// The directives by which a schema says who may see an element: `@authenticated`,
// `@requiresScopes` (Apollo Federation's) and `@requiresRole`. docs/access.md has their meaning.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "graphql/language/ast.hpp"

namespace fsubs::graphql {

// What one directive demands of a client.
struct AccessDemand {
  enum class Kind : uint8_t { kAuthenticated, kRoles, kScopes };

  Kind kind = Kind::kAuthenticated;
  // All names of one of these lists. Not empty where names are demanded, nor is any of them.
  std::vector<std::vector<std::string>> any_of;

  auto operator<=>(const AccessDemand&) const = default;
};

struct AccessDirective {
  std::string_view name;
  AccessDemand::Kind kind;
  std::string_view argument;  // empty: it takes none
  size_t depth;               // of its argument's lists
  std::string_view definition;
};

inline constexpr std::string_view kAccessLocations[] = {"OBJECT",
                                                        "INTERFACE",
                                                        "UNION",
                                                        "SCALAR",
                                                        "ENUM",
                                                        "INPUT_OBJECT",
                                                        "ENUM_VALUE",
                                                        "FIELD_DEFINITION",
                                                        "ARGUMENT_DEFINITION",
                                                        "INPUT_FIELD_DEFINITION"};

inline constexpr AccessDirective kAccessDirectives[] = {
    {"authenticated", AccessDemand::Kind::kAuthenticated, "", 0, "directive @authenticated"},
    {"requiresRole", AccessDemand::Kind::kRoles, "roles", 1,
     "directive @requiresRole(roles: [String!]!)"},
    {"requiresScopes", AccessDemand::Kind::kScopes, "scopes", 2,
     "directive @requiresScopes(scopes: [[String!]!]!)"},
};

// The access directive of that name, or of that which federation gives it where it is not imported:
// `federation__authenticated`. Null if there is none.
const AccessDirective* FindAccessDirective(std::string_view name);

// Read what `directive` demands, an access directive. Returns an empty string, or why that cannot
// be told: a list that is empty might mean everybody or nobody.
std::string ReadDemand(const Directive& directive, AccessDemand* demand);

}  // namespace fsubs::graphql
