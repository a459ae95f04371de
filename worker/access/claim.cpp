#include "worker/access/claim.hpp"

#include <algorithm>

#include "graphql/language/ast.hpp"

namespace fsubs {
namespace {

// Gathers the values of one claim.
class Gatherer {
 public:
  explicit Gatherer(Comparison comparison) : comparison_(comparison) {}

  void Add(std::string_view text) {
    graphql::Value value;
    value.kind = graphql::ValueKind::kString;
    value.text = text;
    std::string form;
    AppendForm(comparison_, value, &form);
    Keep(std::move(form));
  }

  void Add(const std::optional<std::string>& text) {
    if (text) Add(std::string_view(*text));
  }

  void Add(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) Add(std::string_view(text));
  }

  void Add(const JsonValue& value) {
    value.ForEachElement([&](const JsonValue& element) { AddScalar(element); });
    AddScalar(value);
  }

  Claim::Values Take() {
    auto& forms = values_.forms;
    std::sort(forms.begin(), forms.end());
    forms.erase(std::unique(forms.begin(), forms.end()), forms.end());
    return std::move(values_);
  }

 private:
  void AddScalar(const JsonValue& value) {
    const JsonType type = value.type();
    if (type == JsonType::kNull || type == JsonType::kArray || type == JsonType::kObject) return;
    std::string form;
    AppendForm(comparison_, value, &form);
    Keep(std::move(form));
  }

  // A value that is none of the field's type must not equal one of the field that is none either.
  void Keep(std::string form) {
    values_.given = true;
    if (Fits(comparison_, form)) values_.forms.push_back(std::move(form));
  }

  const Comparison comparison_;
  Claim::Values values_;
};

}  // namespace

std::optional<Claim> Claim::Parse(std::string_view text) {
  constexpr std::pair<std::string_view, Member> kMembers[] = {
      {"user", Member::kUser},     {"tenant", Member::kTenant}, {"roles", Member::kRoles},
      {"scopes", Member::kScopes}, {"role", Member::kRole},     {"subgraphs", Member::kSubgraphs},
  };
  Claim claim;
  claim.text_ = text;
  for (const auto& [name, member] : kMembers) {
    if (name != text) continue;
    claim.member_ = member;
    return claim;
  }
  auto path = ParseJsonPath(text);
  if (!path || path->empty()) return std::nullopt;
  claim.path_ = std::move(*path);
  return claim;
}

Claim::Values Claim::Of(const Identity& identity, Comparison comparison) const {
  Gatherer values(comparison);
  switch (member_) {
    case Member::kUser:
      values.Add(identity.user);
      break;
    case Member::kTenant:
      values.Add(identity.tenant);
      break;
    case Member::kRoles:
      values.Add(identity.roles);
      break;
    case Member::kScopes:
      values.Add(identity.scopes);
      break;
    case Member::kSubgraphs:
      values.Add(identity.subgraphs);
      break;
    case Member::kRole:
      if (!identity.role.empty()) values.Add(std::string_view(identity.role));
      break;
    case Member::kPath:
      if (const auto value = ValueAtPath(identity.claims.root(), path_)) values.Add(*value);
      break;
  }
  return values.Take();
}

}  // namespace fsubs
