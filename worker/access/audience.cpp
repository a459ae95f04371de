#include "worker/access/audience.hpp"

#include <algorithm>

namespace fsubs {
namespace {

using graphql::AccessDemand;
using graphql::ElementId;
using graphql::Field;
using graphql::InputValue;
using graphql::Type;

// Audiences that are kept though nobody may be of them any more. A client that connects for one
// query would otherwise cost a walk through the schema.
constexpr size_t kMaxKept = 256;

bool Meets(const Identity& identity, const AccessDemand& demand) {
  if (demand.kind == AccessDemand::Kind::kAuthenticated) return !identity.is_anonymous;
  const std::vector<std::string>& held =
      demand.kind == AccessDemand::Kind::kRoles ? identity.roles : identity.scopes;
  return std::any_of(demand.any_of.begin(), demand.any_of.end(), [&](const auto& all) {
    return std::all_of(all.begin(), all.end(), [&](const std::string& name) {
      return std::binary_search(held.begin(), held.end(), name);
    });
  });
}

// Why somebody who does not meet it is refused.
Denial DenialFor(const AccessDemand& demand, bool is_anonymous) {
  if (is_anonymous) return Denial::kUnauthenticated;
  return demand.kind == AccessDemand::Kind::kRoles ? Denial::kRoleRequired : Denial::kScopeRequired;
}

std::vector<std::string> Sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

AccessRules::AccessRules(const graphql::Schema& schema, std::span<const Registered> fields,
                         const Looks& looks)
    : everybody_(std::make_shared<const Audience>(graphql::Visibility())) {
  for (const auto& type : schema.types()) AddType(*type);
  for (const graphql::DirectiveType& directive : schema.directives()) {
    AddInputs(directive.arguments);
  }
  for (const auto& [field, access] : fields) {
    if (!access->roles.empty()) {
      AccessDemand demand{.kind = AccessDemand::Kind::kRoles};
      for (std::string& role : Sorted(access->roles)) demand.any_of.push_back({std::move(role)});
      elements_.emplace_back(field->id, Number(std::move(demand)));
    }
    if (!access->scopes.empty()) {
      elements_.emplace_back(field->id, Number({.kind = AccessDemand::Kind::kScopes,
                                                .any_of = {Sorted(access->scopes)}}));
    }
  }
  if (elements_.empty()) return;
  Inherit(schema);
  // The server's own text of the schema shows all of it.
  Looks links = looks;
  const Type* const query = schema.Root(graphql::OperationKind::kQuery);
  if (const Field* const service = query->FindField("_service")) {
    for (const auto& [element, demand] : elements_) links.emplace_back(element, service->id);
  }
  visibility_ = std::make_unique<const graphql::VisibilityRules>(schema, links);
}

AccessRules::DemandId AccessRules::Number(AccessDemand demand) {
  const auto [known, added] = numbers_.try_emplace(std::move(demand), demands_.size());
  if (added) demands_.push_back(known->first);
  return known->second;
}

template <typename Node>
void AccessRules::Add(const Node& node, std::span<const graphql::Directive> directives) {
  for (const graphql::Directive& directive : directives) {
    if (graphql::FindAccessDirective(directive.name.text) == nullptr) continue;
    AccessDemand demand;
    // BuildSchema refuses a schema with one that cannot be read; of no list nothing is held.
    if (!graphql::ReadDemand(directive, &demand).empty()) demand.any_of.clear();
    elements_.emplace_back(node.id, Number(std::move(demand)));
  }
}

void AccessRules::AddInputs(const std::vector<InputValue>& inputs) {
  for (const InputValue& input : inputs) Add(input, input.node->directives);
}

void AccessRules::AddType(const Type& type) {
  for (const graphql::TypeDefinition* node : type.nodes) Add(type, node->directives);
  for (const Field& field : type.fields) {
    Add(field, field.node->directives);
    AddInputs(field.arguments);
  }
  AddInputs(type.input_fields);
  for (const graphql::EnumValue& value : type.values) Add(value, value.node->directives);
}

// What an interface, a field of it or an argument demands is demanded of those who implement it:
// they are the same data under another type.
void AccessRules::Inherit(const graphql::Schema& schema) {
  std::unordered_map<ElementId, std::vector<DemandId>> own;
  for (const auto& [element, demand] : elements_) own[element].push_back(demand);
  const auto inherit = [&](ElementId element, ElementId interface) {
    const auto found = own.find(interface);
    if (found == own.end()) return;
    for (const DemandId demand : found->second) elements_.emplace_back(element, demand);
  };
  for (const auto& type : schema.types()) {
    for (const Type* interface : type->interfaces) {
      inherit(type->id, interface->id);
      for (const Field& implemented : interface->fields) {
        const Field* const field = type->FindField(implemented.name);
        if (field == nullptr) continue;
        inherit(field->id, implemented.id);
        for (const InputValue& argument : implemented.arguments) {
          const InputValue* const own_argument = field->FindArgument(argument.name);
          if (own_argument != nullptr) inherit(own_argument->id, argument.id);
        }
      }
    }
  }
}

std::shared_ptr<const Audience> AccessRules::AudienceOf(
    const std::shared_ptr<const Identity>& identity) const {
  if (!visibility_) return everybody_;
  {
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(identity);
    if (known != known_.end()) {
      if (auto audience = known->second.lock()) return audience;
    }
  }
  auto audience = FindAudience(*identity);
  const std::lock_guard lock(mutex_);
  if (known_.size() >= max_known_) {
    std::erase_if(known_, [](const auto& known) { return known.first.expired(); });
    max_known_ = std::max(kMinKnown, 2 * known_.size());
  }
  known_.insert_or_assign(identity, audience);
  return audience;
}

std::shared_ptr<const Audience> AccessRules::FindAudience(const Identity& identity) const {
  // A bit for each demand, and one more, as it decides what the client is told.
  std::string answer(demands_.size() / 8 + 1, '\0');
  const auto set = [&](size_t bit) {
    answer[bit / 8] = static_cast<char>(answer[bit / 8] | (1 << (bit % 8)));
  };
  for (size_t i = 0; i < demands_.size(); ++i) {
    if (Meets(identity, demands_[i])) set(i);
  }
  if (identity.is_anonymous) set(demands_.size());
  {
    const std::lock_guard lock(mutex_);
    const auto known = audiences_.find(answer);
    if (known != audiences_.end()) return known->second;
  }
  auto audience = MakeAudience(answer);
  const std::lock_guard lock(mutex_);
  if (audiences_.size() >= kMaxKept) {
    std::erase_if(audiences_, [](const auto& kept) { return kept.second.use_count() == 1; });
  }
  return audiences_.try_emplace(std::move(answer), std::move(audience)).first->second;
}

std::shared_ptr<const Audience> AccessRules::MakeAudience(const std::string& answer) const {
  const auto is_set = [&](size_t bit) { return (answer[bit / 8] >> (bit % 8) & 1) != 0; };
  const bool is_anonymous = is_set(demands_.size());
  std::vector<std::pair<ElementId, graphql::HidingReason>> hidden;
  for (const auto& [element, demand] : elements_) {
    if (is_set(demand)) continue;
    hidden.emplace_back(
        element, static_cast<graphql::HidingReason>(DenialFor(demands_[demand], is_anonymous)));
  }
  if (hidden.empty()) return everybody_;
  return std::make_shared<const Audience>(visibility_->Hide(hidden));
}

}  // namespace fsubs
