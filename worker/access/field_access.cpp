#include "worker/access/field_access.hpp"

namespace fsubs {
namespace {

// Each returns whether the member is of its type; one that is missing or null is.
bool ReadText(const JsonValue& row, std::string_view member, std::string* text) {
  const auto value = row.Find(member);
  if (!value || value->is_null()) return true;
  if (value->type() != JsonType::kString) return false;
  *text = value->ToString();
  return true;
}

bool ReadList(const JsonValue& row, std::string_view member, std::vector<std::string>* list) {
  const auto value = row.Find(member);
  if (!value || value->is_null()) return true;
  bool readable = value->type() == JsonType::kArray;
  value->ForEachElement([&](const JsonValue& item) {
    readable = readable && item.type() == JsonType::kString;
    if (readable) list->push_back(item.ToString());
  });
  return readable;
}

bool ReadComparands(const JsonValue& row, std::string_view member,
                    FieldAccess::Comparands* comparands) {
  const auto value = row.Find(member);
  if (!value || value->is_null()) return true;
  bool readable = value->type() == JsonType::kObject;
  value->ForEachMember([&](std::string_view name, const JsonValue& claim) {
    readable = readable && claim.type() == JsonType::kString;
    if (readable) comparands->emplace_back(name, claim.ToString());
  });
  return readable;
}

}  // namespace

std::optional<FieldAccess> ReadFieldAccess(const JsonValue& row) {
  FieldAccess access;
  std::string tenant_field;
  const auto shared = row.Find("shared");
  if (shared && shared->type() != JsonType::kBoolean) return std::nullopt;
  access.shared = shared && shared->boolean();
  if (!ReadComparands(row, "row_filter", &access.row_filter) ||
      !ReadComparands(row, "scope", &access.scope) ||
      !ReadText(row, "tenant_field", &tenant_field) ||
      !ReadText(row, "subgraph", &access.subgraph) || !ReadList(row, "roles", &access.roles) ||
      !ReadList(row, "scopes", &access.scopes) ||
      !ReadText(row, "rate_limit", &access.rate_limit)) {
    return std::nullopt;
  }
  const auto named = row.Find("tenant_field");
  if (named && !named->is_null()) access.tenant_field = std::move(tenant_field);
  return access;
}

}  // namespace fsubs
