#include "worker/operation/resolver_rule.hpp"

#include <algorithm>

#include "worker/json/json_number.hpp"

namespace fsubs {
namespace {

// Of an idempotent one: a call that ends every process which gets it must not end all of them.
constexpr uint32_t kRetriesOfIdempotent = 3;

bool Text(const JsonValue& row, std::string_view name, std::string* text) {
  const auto value = row.Find(name);
  if (!value || value->type() != JsonType::kString) return false;
  *text = value->ToString();
  return true;
}

bool Number(const JsonValue& row, std::string_view name, uint32_t* number) {
  const auto value = row.Find(name);
  return value && ReadInteger(value->raw(), number);
}

}  // namespace

uint32_t ResolverRule::most_retries() const {
  return idempotent ? std::max(retries, kRetriesOfIdempotent) : retries;
}

std::optional<ResolverRule> ReadResolverRule(const JsonValue& row) {
  ResolverRule rule;
  std::string per;
  std::string on_error;
  const auto idempotent = row.Find("idempotent");
  if (!Text(row, "field", &rule.field) || !Text(row, "per", &per) ||
      !Text(row, "on_error", &on_error) || !Number(row, "timeout_ms", &rule.timeout_ms) ||
      !Number(row, "retries", &rule.retries) || !idempotent ||
      idempotent->type() != JsonType::kBoolean) {
    return std::nullopt;
  }
  (void)Text(row, "function", &rule.function);
  (void)Number(row, "concurrency", &rule.concurrency);
  rule.idempotent = idempotent->boolean();
  rule.per_audience = per == "audience";
  if (on_error == "skip") {
    rule.on_error = ResolverRule::OnError::kSkip;
  } else if (on_error == "complete") {
    rule.on_error = ResolverRule::OnError::kComplete;
  }
  return rule;
}

}  // namespace fsubs
