#include "graphql/schema/visibility.hpp"

#include <algorithm>
#include <unordered_set>

namespace fsubs::graphql {

bool Visibility::ShowsValue(const Value& literal, const WrappedType& type) const {
  const WrappedType& nullable = *type.nullable();
  if (literal.kind == ValueKind::kList) {
    const WrappedType& item = nullable.kind == TypeRefKind::kList ? *nullable.of : nullable;
    return std::all_of(literal.items.begin(), literal.items.end(),
                       [&](const Value* value) { return ShowsValue(*value, item); });
  }
  if (literal.kind == ValueKind::kEnum) {
    const EnumValue* const value = type.type->FindValue(literal.text);
    return value == nullptr || Shows(*value);
  }
  return std::all_of(literal.fields.begin(), literal.fields.end(), [&](const ObjectField& node) {
    const InputValue* const field = type.type->FindInputField(node.name.text);
    return field == nullptr || (Shows(*field) && ShowsValue(*node.value, *field->type));
  });
}

HidingReason Visibility::weightiest() const {
  return std::min_element(reasons_.begin(), reasons_.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->second;
}

VisibilityRules::VisibilityRules(const Schema& schema,
                                 std::span<const std::pair<ElementId, ElementId>> links)
    : schema_(schema), elements_(schema.element_count()) {
  for (const auto& type : schema.types()) Add(*type);
  for (const DirectiveType& directive : schema.directives()) {
    for (const InputValue& argument : directive.arguments) AddInput(argument, directive.id);
  }
  for (const auto& [cause, effect] : links) elements_[cause].hides.push_back(effect);
  const std::vector<bool> reached = Reached(Visibility());
  for (const auto& type : schema.types()) {
    if (!reached[type->id]) unused_.push_back(type.get());
  }
}

void VisibilityRules::Add(const Type& type) {
  for (const Field& field : type.fields) {
    AddPart(field.id, type.id);
    elements_[field.type->type->id].hides.push_back(field.id);
    for (const InputValue& argument : field.arguments) AddInput(argument, field.id);
  }
  for (const InputValue& field : type.input_fields) {
    AddPart(field.id, type.id);
    AddInput(field, type.id);
  }
  for (const EnumValue& value : type.values) AddPart(value.id, type.id);
  if (type.kind == TypeKind::kUnion) {
    for (const Type* member : type.possible) {
      elements_[member->id].part_of.push_back(type.id);
      ++elements_[type.id].parts;
    }
  }
  for (const Type* interface : type.interfaces) AddImplementation(type, *interface);
}

void VisibilityRules::AddPart(ElementId part, ElementId type) {
  elements_[type].hides.push_back(part);
  elements_[part].part_of.push_back(type);
  ++elements_[type].parts;
}

// `owner`: the field, directive or input object that takes the input.
void VisibilityRules::AddInput(const InputValue& input, ElementId owner) {
  elements_[owner].hides.push_back(input.id);
  elements_[input.type->type->id].hides.push_back(input.id);
  if (input.required()) elements_[input.id].hides.push_back(owner);
}

void VisibilityRules::AddImplementation(const Type& type, const Type& interface) {
  const auto link = [&](ElementId part, ElementId implemented) {
    elements_[part].implements.push_back(implemented);
    elements_[part].implementer = type.id;
  };
  for (const Field& implemented : interface.fields) {
    const Field* const field = type.FindField(implemented.name);
    if (field == nullptr) continue;
    link(field->id, implemented.id);
    for (const InputValue& argument : implemented.arguments) {
      const InputValue* const own = field->FindArgument(argument.name);
      if (own != nullptr) link(own->id, argument.id);
    }
  }
}

// The types to which the roots, directives and types that never had a use lead over what is shown.
std::vector<bool> VisibilityRules::Reached(const Visibility& visibility) const {
  std::vector<bool> reached(elements_.size());
  std::vector<const Type*> next;
  const auto reach = [&](const Type* type) {
    if (type == nullptr || reached[type->id] || !visibility.Shows(*type)) return;
    reached[type->id] = true;
    next.push_back(type);
  };
  const auto reach_inputs = [&](const std::vector<InputValue>& inputs) {
    for (const InputValue& input : inputs) {
      if (visibility.Shows(input)) reach(input.type->type);
    }
  };
  for (const OperationKind kind :
       {OperationKind::kQuery, OperationKind::kMutation, OperationKind::kSubscription}) {
    reach(schema_.Root(kind));
  }
  for (const DirectiveType& directive : schema_.directives()) reach_inputs(directive.arguments);
  for (const Type* type : unused_) reach(type);
  while (!next.empty()) {
    const Type& type = *next.back();
    next.pop_back();
    for (const Field& field : type.fields) {
      if (!visibility.Shows(field)) continue;
      reach(field.type->type);
      reach_inputs(field.arguments);
    }
    reach_inputs(type.input_fields);
    for (const Type* interface : type.interfaces) reach(interface);
    for (const Type* possible : type.possible) reach(possible);
  }
  return reached;
}

// Follows what hiding something hides in turn.
class VisibilityRules::Search {
 public:
  Search(const std::vector<Element>& elements, Visibility* visibility)
      : elements_(elements), visibility_(*visibility) {}

  void From(std::span<const std::pair<ElementId, HidingReason>> given) {
    for (const auto& [id, reason] : given) {
      given_.insert(id);
      Hide(id, reason);
    }
    while (!next_.empty()) {
      const ElementId id = next_.back();
      next_.pop_back();
      Follow(id, visibility_.reasons_.at(id));
    }
  }

 private:
  struct Parts {
    std::unordered_set<ElementId> hidden;
    HidingReason reason = UINT8_MAX;
  };

  // An element is followed again when a weightier reason is found for it.
  void Hide(ElementId id, HidingReason reason) {
    const auto [known, added] = visibility_.reasons_.try_emplace(id, reason);
    if (!added && known->second <= reason) return;
    known->second = reason;
    visibility_.hidden_[id] = true;
    next_.push_back(id);
  }

  void Follow(ElementId id, HidingReason reason) {
    const Element& element = elements_[id];
    for (const ElementId other : element.hides) Hide(other, reason);
    if (!given_.contains(element.implementer)) {
      for (const ElementId other : element.implements) Hide(other, reason);
    }
    for (const ElementId type : element.part_of) {
      Parts& parts = parts_[type];
      parts.hidden.insert(id);
      parts.reason = std::min(parts.reason, reason);
      if (parts.hidden.size() == elements_[type].parts) Hide(type, parts.reason);
    }
  }

  const std::vector<Element>& elements_;
  Visibility& visibility_;
  std::unordered_set<ElementId> given_;
  std::unordered_map<ElementId, Parts> parts_;
  std::vector<ElementId> next_;
};

Visibility VisibilityRules::Hide(
    std::span<const std::pair<ElementId, HidingReason>> elements) const {
  Visibility visibility;
  if (elements.empty()) return visibility;
  visibility.hidden_.resize(elements_.size());
  Search(elements_, &visibility).From(elements);
  const HidingReason weightiest = visibility.weightiest();
  const std::vector<bool> reached = Reached(visibility);
  for (const auto& type : schema_.types()) {
    if (reached[type->id] || !visibility.Shows(*type)) continue;
    visibility.hidden_[type->id] = true;
    visibility.reasons_.emplace(type->id, weightiest);
  }
  return visibility;
}

}  // namespace fsubs::graphql
