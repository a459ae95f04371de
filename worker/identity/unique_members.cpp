#include "worker/identity/unique_members.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace fsubs {

bool HasUniqueMembers(const JsonValue& value) {
  bool unique = true;
  std::vector<std::string_view> names;
  value.ForEachMember([&](std::string_view name, const JsonValue& member) {
    names.push_back(name);
    unique = unique && HasUniqueMembers(member);
  });
  value.ForEachElement(
      [&](const JsonValue& element) { unique = unique && HasUniqueMembers(element); });
  std::sort(names.begin(), names.end());
  return unique && std::adjacent_find(names.begin(), names.end()) == names.end();
}

}  // namespace fsubs
