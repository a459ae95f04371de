#include "worker/identity/claim_mapping.hpp"

#include <algorithm>
#include <iterator>

#include "worker/identity/unique_members.hpp"
#include "worker/json/json_number.hpp"

namespace fsubs {
namespace {

constexpr char kHasuraClaims[] = "https://hasura.io/jwt/claims";
constexpr char kHasuraAllowedRoles[] = "x-hasura-allowed-roles";

bool Apply(std::string_view preset, ClaimMapping* mapping) {
  if (preset == "hasura") {
    mapping->user = {kHasuraClaims, "x-hasura-user-id"};
    mapping->tenant = {kHasuraClaims, "x-hasura-tenant-id"};
    mapping->roles = {JsonPath{kHasuraClaims, kHasuraAllowedRoles}};
    mapping->role = {kHasuraClaims, "x-hasura-default-role"};
    mapping->has_hasura_claims = true;
    mapping->chooses_role = true;
  } else if (preset == "supabase") {
    mapping->tenant = {"app_metadata", "tenant_id"};
    mapping->roles = {JsonPath{"app_metadata", "roles"}};
  } else if (preset == "oidc") {
    mapping->roles.push_back({"groups"});
  } else if (preset != "postgrest") {  // whose claims have the default's names
    return false;
  }
  return true;
}

std::optional<JsonPath> PathOf(const JsonValue& place) {
  if (place.type() != JsonType::kString || place.text().empty()) return std::nullopt;
  if (place.text().front() == '$') return ParseJsonPath(place.text());
  return JsonPath{place.ToString()};
}

bool Set(std::string_view what, JsonPath path, ClaimMapping* mapping) {
  if (what == "user") {
    mapping->user = std::move(path);
  } else if (what == "tenant") {
    mapping->tenant = std::move(path);
  } else if (what == "roles") {
    mapping->roles = {std::move(path)};
  } else if (what == "scopes") {
    mapping->scopes = std::move(path);
  } else if (what == "subgraphs") {
    mapping->subgraphs = std::move(path);
  } else if (what == "role") {
    mapping->role = std::move(path);
    mapping->chooses_role = false;
  } else {
    return false;
  }
  return true;
}

// As a path names it, for a reason.
std::string Spelled(const JsonPath& path) {
  std::string spelled;
  for (const std::string& name : path) {
    if (!spelled.empty()) spelled += '.';
    spelled += name;
  }
  return "`" + spelled + "`";
}

// The value there, unless it is missing or null.
std::optional<JsonValue> ClaimAt(const JsonValue& claims, const JsonPath& path) {
  auto value = ValueAtPath(claims, path);
  if (value && value->is_null()) value.reset();
  return value;
}

// Each of these returns false if the claim is of a wrong type. To take it for none would give a
// client without a user or a tenant what those with one are refused, such as what has no limit.

// A text, or a number as text; none if it is empty.
bool ReadName(const JsonValue& claims, const JsonPath& path, std::optional<std::string>* name) {
  const auto value = ClaimAt(claims, path);
  if (!value) return true;
  if (value->type() == JsonType::kNumber) {
    std::string digits;
    if (!AppendWholeNumber(value->raw(), &digits)) digits = value->raw();
    *name = std::move(digits);
    return true;
  }
  if (value->type() != JsonType::kString) return false;
  if (!value->text().empty()) *name = value->ToString();
  return true;
}

bool ReadText(const JsonValue& claims, const JsonPath& path, std::string* text) {
  const auto value = ClaimAt(claims, path);
  if (!value) return true;
  if (value->type() != JsonType::kString) return false;
  *text = value->text();
  return true;
}

// A text, which stands for itself, or a list of texts.
bool ReadList(const JsonValue& claims, const JsonPath& path, std::vector<std::string>* list) {
  const auto value = ClaimAt(claims, path);
  if (!value) return true;
  bool readable = value->type() == JsonType::kString || value->type() == JsonType::kArray;
  const auto add = [&](const JsonValue& item) {
    readable = readable && item.type() == JsonType::kString;
    if (readable && !item.text().empty()) list->push_back(item.ToString());
  };
  if (value->type() == JsonType::kString) add(*value);
  value->ForEachElement(add);
  return readable;
}

// As ReadList, but a text has its items between spaces (RFC 8693, section 4.2).
bool ReadScopes(const JsonValue& claims, const JsonPath& path, std::vector<std::string>* scopes) {
  const auto value = ClaimAt(claims, path);
  if (!value || value->type() != JsonType::kString) return ReadList(claims, path, scopes);
  std::string_view rest = value->text();
  while (!rest.empty()) {
    const std::string_view scope = rest.substr(0, rest.find(' '));
    if (!scope.empty()) scopes->emplace_back(scope);
    rest.remove_prefix(std::min(rest.size(), scope.size() + 1));
  }
  return true;
}

void SortOnce(std::vector<std::string>* texts) {
  std::sort(texts->begin(), texts->end());
  texts->erase(std::unique(texts->begin(), texts->end()), texts->end());
}

// Puts Hasura's claims in the place of their text, so that paths lead into them.
bool UnfoldHasuraClaims(JsonTree* claims) {
  const auto folded = claims->root().Find(kHasuraClaims);
  if (!folded || folded->type() != JsonType::kString) return true;
  JsonTree unfolded;
  if (!unfolded.ParseCopy(folded->text()) || unfolded.root().type() != JsonType::kObject ||
      !HasUniqueMembers(unfolded.root())) {
    return false;
  }
  const std::string_view whole = claims->root().raw();
  const auto begin = static_cast<size_t>(folded->raw().data() - whole.data());
  std::string json(whole.substr(0, begin));
  json += unfolded.root().raw();
  json += whole.substr(begin + folded->raw().size());
  return claims->ParseCopy(json);
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// Names members of Hasura's claims as they are spelled there. Returns false if there are two that
// differ only in case.
bool Respell(const JsonValue& hasura_claims, JsonPath* path) {
  if (path->size() != 2 || path->front() != kHasuraClaims) return true;
  const std::string wanted = path->back();
  size_t found = 0;
  hasura_claims.ForEachMember([&](std::string_view name, const JsonValue&) {
    if (!EqualsIgnoringCase(name, wanted)) return;
    path->back() = name;
    ++found;
  });
  return found <= 1;
}

// Returns why Hasura would not accept these claims; empty if it would. `*allowed_roles` is where
// they are.
std::string FindHasuraProblem(const JsonValue& claims, ClaimMapping* mapping,
                              JsonPath* allowed_roles) {
  const auto object = ClaimAt(claims, {kHasuraClaims});
  if (!object) return "the claim " + Spelled({kHasuraClaims}) + " is missing";
  if (object->type() != JsonType::kObject) {
    return "the claim " + Spelled({kHasuraClaims}) + " is no JSON object";
  }
  bool unique = Respell(*object, allowed_roles) && Respell(*object, &mapping->user) &&
                Respell(*object, &mapping->tenant) && Respell(*object, &mapping->role);
  for (JsonPath& path : mapping->roles) unique = unique && Respell(*object, &path);
  if (!unique) return "two of Hasura's claims differ only in case";
  if (mapping->chooses_role && !ClaimAt(claims, mapping->role)) {
    return "`x-hasura-default-role` is missing";
  }
  return {};
}

// Returns why the role cannot be had; empty if it can.
std::string_view ChooseRole(const JsonValue& claims, const JsonPath& allowed_roles,
                            const std::string& requested, std::string* role) {
  if (!requested.empty()) *role = requested;
  if (role->empty()) return {};
  std::vector<std::string> allowed;
  if (!ReadList(claims, allowed_roles, &allowed) ||
      std::find(allowed.begin(), allowed.end(), *role) == allowed.end()) {
    return "the role asked for is not among `x-hasura-allowed-roles`";
  }
  return {};
}

}  // namespace

std::optional<ClaimMapping> ClaimMapping::FromRow(const JsonValue& issuer, std::string* error) {
  ClaimMapping mapping;
  const auto preset = issuer.Find("preset");
  if (preset && !preset->is_null() &&
      (preset->type() != JsonType::kString || !Apply(preset->text(), &mapping))) {
    *error = "its preset is not known";
    return std::nullopt;
  }
  const auto claims = issuer.Find("claims");
  if (!claims || claims->is_null()) return mapping;
  bool readable = claims->type() == JsonType::kObject;
  claims->ForEachMember([&](std::string_view what, const JsonValue& place) {
    auto path = PathOf(place);
    readable = readable && path && Set(what, std::move(*path), &mapping);
  });
  if (!readable) {
    *error = "its `claims` do not map what is known to names or paths";
    return std::nullopt;
  }
  return mapping;
}

std::shared_ptr<const Identity> IdentityOf(const ClaimMapping& registered, std::string_view claims,
                                           const ClaimsContext& context, std::string* reason) {
  const auto refuse = [&](std::string text) {
    *reason = std::move(text);
    return nullptr;
  };
  auto identity = std::make_shared<Identity>();
  if (!identity->claims.ParseCopy(claims) || identity->claims.root().type() != JsonType::kObject) {
    return refuse("the claims are no JSON object");
  }
  ClaimMapping mapping = registered;
  if (mapping.has_hasura_claims && !UnfoldHasuraClaims(&identity->claims)) {
    return refuse("the claim " + Spelled({kHasuraClaims}) + " is no JSON object");
  }
  const JsonValue root = identity->claims.root();
  JsonPath allowed_roles{kHasuraClaims, kHasuraAllowedRoles};
  if (mapping.has_hasura_claims) {
    std::string problem = FindHasuraProblem(root, &mapping, &allowed_roles);
    if (!problem.empty()) return refuse(std::move(problem));
  }
  const auto wrong = [&](const JsonPath& path) {
    return refuse("the claim " + Spelled(path) + " has a type that it must not have");
  };
  if (!ReadName(root, mapping.user, &identity->user)) return wrong(mapping.user);
  if (!ReadName(root, mapping.tenant, &identity->tenant)) return wrong(mapping.tenant);
  for (const JsonPath& path : mapping.roles) {
    if (!ReadList(root, path, &identity->roles)) return wrong(path);
  }
  if (!ReadScopes(root, mapping.scopes, &identity->scopes)) return wrong(mapping.scopes);
  if (!ReadList(root, mapping.subgraphs, &identity->subgraphs)) return wrong(mapping.subgraphs);
  if (!ReadText(root, mapping.role, &identity->role)) return wrong(mapping.role);
  if (mapping.chooses_role) {
    const std::string_view problem =
        ChooseRole(root, allowed_roles, context.requested_role, &identity->role);
    if (!problem.empty()) return refuse(std::string(problem));
  }
  SortOnce(&identity->roles);
  SortOnce(&identity->scopes);
  SortOnce(&identity->subgraphs);
  identity->claims.Compact();
  identity->issuer = context.issuer;
  identity->expires_at_us = context.expires_at_us;
  identity->is_anonymous = context.is_anonymous;
  return identity;
}

}  // namespace fsubs
