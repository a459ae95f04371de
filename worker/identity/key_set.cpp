#include "worker/identity/key_set.hpp"

#include "worker/identity/key_formats.hpp"
#include "worker/identity/unique_members.hpp"

namespace fsubs {

std::shared_ptr<const KeySet> KeySet::Parse(std::string_view json, std::string* error) {
  const auto fail = [&](const char* reason) {
    *error = reason;
    return nullptr;
  };
  if (json.size() > kMaxKeySetSize) return fail("the set of keys is larger than 256 kB");
  JsonTree tree;
  if (!tree.ParseCopy(json) || tree.root().type() != JsonType::kObject) {
    return fail("the set of keys is no JSON object");
  }
  if (!HasUniqueMembers(tree.root())) return fail("the set of keys has a name twice");

  auto set = std::make_shared<KeySet>();
  const auto add = [&](const JsonValue& jwk) {
    if (auto key = KeyOfJwk(jwk)) set->keys_.push_back(std::move(*key));
  };
  const auto keys = tree.root().Find("keys");
  if (!keys) {
    if (!tree.root().Find("kty")) return fail("the set of keys has no `keys`");
    add(tree.root());
    return set;
  }
  if (keys->type() != JsonType::kArray) return fail("the set's `keys` are no list");
  size_t count = 0;
  keys->ForEachElement([&](const JsonValue&) { ++count; });
  if (count > kMaxKeys) return fail("the set has more than 100 keys");
  keys->ForEachElement(add);
  return set;
}

}  // namespace fsubs
