#include "worker/catalog.hpp"

#include <algorithm>

#include "graphql/compose.hpp"
#include "worker/json_tree.hpp"

namespace fsubs {
namespace {

bool Text(const JsonValue& object, std::string_view member, std::string* value) {
  const auto found = object.Find(member);
  if (!found || found->type() != JsonType::kString) return false;
  *value = found->ToString();
  return true;
}

bool ReadField(const JsonValue& row, SubscriptionField* field, std::string* sdl) {
  if (!Text(row, "name", &field->name) || !Text(row, "channel", &field->channel) ||
      !Text(row, "field", sdl)) {
    return false;
  }
  const auto types = row.Find("event_types");
  if (types) {
    types->ForEachElement([&](const JsonValue& type) {
      if (type.type() == JsonType::kString) field->event_types.push_back(type.ToString());
    });
  }
  return true;
}

}  // namespace

bool SubscriptionField::Wants(std::string_view event_type) const {
  return event_types.empty() ||
         std::find(event_types.begin(), event_types.end(), event_type) != event_types.end();
}

const SubscriptionField* Catalog::FindField(std::string_view name) const {
  const auto found =
      std::find_if(fields_.begin(), fields_.end(),
                   [&](const SubscriptionField& field) { return field.name == name; });
  return found == fields_.end() ? nullptr : &*found;
}

std::shared_ptr<const Catalog> Catalog::FromSnapshot(std::string_view json, std::string* error) {
  JsonTree tree;
  if (!tree.ParseCopy(json)) {
    *error = std::string("snapshot is not JSON: ") + tree.error();
    return nullptr;
  }
  const JsonValue root = tree.root();
  std::string version;
  if (!Text(root, "extension_version", &version)) {
    *error = kExtensionMissing;
    return nullptr;
  }
  auto catalog = std::make_shared<Catalog>();
  std::string types;
  const auto rows = root.Find("subscriptions");
  if (!rows || !Text(root, "types", &types) ||
      !Text(root, "server_version", &catalog->server_version_)) {
    *error = "snapshot is not of this version";
    return nullptr;
  }
  std::vector<std::string> sdl_fields;
  bool readable = true;
  rows->ForEachElement([&](const JsonValue& row) {
    SubscriptionField field;
    std::string sdl;
    readable = readable && ReadField(row, &field, &sdl);
    catalog->fields_.push_back(std::move(field));
    sdl_fields.push_back(std::move(sdl));
  });
  if (!readable) {
    *error = "snapshot is not of this version";
    return nullptr;
  }
  const std::vector<std::string_view> views(sdl_fields.begin(), sdl_fields.end());
  graphql::SchemaResult built = graphql::BuildSchema(graphql::ComposeSchema(types, views));
  if (!built.schema) {
    *error = "the registered types do not make a schema: " + built.errors.front().message;
    return nullptr;
  }
  catalog->schema_ = std::move(built.schema);
  const graphql::Type* const root_type =
      catalog->schema_->Root(graphql::OperationKind::kSubscription);
  for (SubscriptionField& field : catalog->fields_) {
    field.definition = root_type->FindField(field.name);
    if (field.definition == nullptr) {
      *error = "subscription \"" + field.name + "\" has another name in its definition";
      return nullptr;
    }
    if (field.definition->arguments.size() > graphql::kMaxArguments) {
      *error = "subscription \"" + field.name + "\" has more than " +
               std::to_string(graphql::kMaxArguments) + " arguments";
      return nullptr;
    }
    for (const graphql::InputValue& argument : field.definition->arguments) {
      graphql::ArgumentTarget target;
      if (!graphql::FindArgumentTarget(*field.definition->type->type, argument.name, &target)) {
        *error = "argument \"" + std::string(argument.name) + "\" of subscription \"" + field.name +
                 "\" names no field of its type";
        return nullptr;
      }
      field.arguments.push_back(
          {std::string(argument.name), target.in_row, ComparisonOf(*target.type->type)});
    }
  }
  return catalog;
}

}  // namespace fsubs
