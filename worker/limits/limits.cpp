#include "worker/limits/limits.hpp"

#include <string_view>

namespace fsubs {
namespace {

constexpr std::pair<LimitKey, std::string Options::*> kOptions[] = {
    {LimitKey::kConnectionsPerUser, &Options::limit_connections_per_user},
    {LimitKey::kConnectionsPerAddress, &Options::limit_connections_per_address},
    {LimitKey::kConnectionsPerTenant, &Options::limit_connections_per_tenant},
    {LimitKey::kNewConnectionsPerAddress, &Options::limit_new_connections_per_address},
    {LimitKey::kSubscriptionsPerUser, &Options::limit_subscriptions_per_user},
    {LimitKey::kSubscriptionsCreatedPerUser, &Options::limit_subscriptions_created_per_user},
    {LimitKey::kEventsPerSubscription, &Options::limit_events_per_subscription},
    {LimitKey::kEventsPerUser, &Options::limit_events_per_user},
    {LimitKey::kMessagesPerConnection, &Options::limit_messages_per_connection},
};
static_assert(std::size(kOptions) == kLimitCount - 1);

bool IsLarger(const std::optional<LimitValue>& a, const std::optional<LimitValue>& b) {
  return b && (!a || IsLarger(*a, *b));
}

void Replace(const RoleLimits& named, Limits* limits) {
  for (const auto& [key, value] : named.values) limits->Set(key, value);
}

// Returns whether it is one; empty and null are no limit.
bool Read(const JsonValue& json, LimitForm form, std::optional<LimitValue>* value) {
  const bool is_text = json.type() == JsonType::kString;
  if (json.is_null() || (is_text && json.text().empty())) return true;
  return ParseLimit(form, is_text ? json.text() : json.raw(), &value->emplace()) == nullptr;
}

LimitValue NoneAtAll(LimitForm form) {
  LimitValue none;
  (void)ParseLimit(form, "0", &none);
  return none;
}

}  // namespace

Limits Limits::FromOptions(const Options& options) {
  Limits limits;
  for (const auto& [key, member] : kOptions) {
    LimitValue value;
    const std::string& text = options.*member;
    // The options have been checked.
    if (ParseLimit(KindOf(key).form, text, &value) == nullptr) limits.Set(key, value);
  }
  return limits;
}

std::optional<RoleLimits> ReadRoleLimits(const JsonValue& row, std::vector<std::string>* problems) {
  RoleLimits read;
  const auto role = row.Find("role");
  const bool has_role = role && role->type() == JsonType::kString;
  if (has_role) {
    read.role = role->ToString();
  } else if (!role || !role->is_null()) {
    problems->push_back("limits: the role is no text");
    return std::nullopt;
  }
  const std::string whose = has_role ? "limits of role \"" + *read.role + "\": " : "limits: ";
  const auto limits = row.Find("limits");
  if (!limits || limits->type() != JsonType::kObject) {
    problems->push_back(whose + "they are no object");
    if (has_role) return std::nullopt;
    for (const LimitKind& kind : kLimitKinds) {
      if (const auto key = FindLimit(kind.key))
        read.values.emplace_back(*key, NoneAtAll(kind.form));
    }
    return read;
  }
  limits->ForEachMember([&](std::string_view name, const JsonValue& json) {
    const auto key = FindLimit(name);
    std::optional<LimitValue> value;
    if (!key) {
      problems->push_back(whose + "there is no \"" + std::string(name) + "\"");
    } else if (Read(json, KindOf(*key).form, &value)) {
      read.values.emplace_back(*key, value);
    } else {
      problems->push_back(whose + "\"" + std::string(name) + "\" has a value that is none");
      if (!has_role) read.values.emplace_back(*key, NoneAtAll(KindOf(*key).form));
    }
  });
  return read;
}

LimitRules::LimitRules(const Limits& settings, std::span<const RoleLimits> rows) {
  Limits everybody = settings;
  for (const RoleLimits& row : rows) {
    if (!row.role) Replace(row, &everybody);
  }
  everybody_ = std::make_shared<const Limits>(everybody);
  for (const RoleLimits& row : rows) {
    if (!row.role) continue;
    Limits alone = everybody;
    Replace(row, &alone);
    roles_[*row.role] = {row, std::make_shared<const Limits>(alone)};
  }
}

std::shared_ptr<const Limits> LimitRules::For(std::span<const std::string> roles) const {
  std::vector<const OfRole*> counting;
  if (!roles_.empty()) {
    for (const std::string& role : roles) {
      const auto found = roles_.find(role);
      if (found != roles_.end()) counting.push_back(&found->second);
    }
  }
  if (counting.empty()) return everybody_;
  if (counting.size() == 1) return counting.front()->alone;
  Limits limits = *everybody_;
  std::array<bool, kLimitCount> is_named{};
  for (const OfRole* const role : counting) {
    for (const auto& [key, value] : role->named.values) {
      bool& named = is_named[IndexOf(key)];
      if (!named || IsLarger(value, limits.of(key))) limits.Set(key, value);
      named = true;
    }
  }
  return std::make_shared<const Limits>(limits);
}

}  // namespace fsubs
