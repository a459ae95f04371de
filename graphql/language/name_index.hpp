// The names seen so far, for rules that compare names. A few are searched, many are hashed.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fsubs::graphql {

// Numbers names from 0 in the order in which they are added.
class NameIndex {
 public:
  static constexpr size_t kNone = SIZE_MAX;

  explicit NameIndex(std::pmr::memory_resource* memory) : names_(memory), numbers_(memory) {}

  // The number of `name`, which is size() - 1 after the call if it is new.
  size_t Add(std::string_view name) {
    const size_t known = Find(name);
    if (known != kNone) return known;
    names_.push_back(name);
    if (names_.size() > kFew) {
      for (size_t i = numbers_.size(); i < names_.size(); ++i) numbers_.emplace(names_[i], i);
    }
    return names_.size() - 1;
  }

  size_t Find(std::string_view name) const {
    if (names_.size() > kFew) {
      const auto found = numbers_.find(name);
      return found == numbers_.end() ? kNone : found->second;
    }
    for (size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] == name) return i;
    }
    return kNone;
  }

  size_t size() const { return names_.size(); }
  std::string_view operator[](size_t number) const { return names_[number]; }

 private:
  static constexpr size_t kFew = 16;
  std::pmr::vector<std::string_view> names_;
  std::pmr::unordered_map<std::string_view, size_t> numbers_;  // of all names, once they are many
};

// Where names were first used.
class FirstUses {
 public:
  explicit FirstUses(std::pmr::memory_resource* memory) : names_(memory), offsets_(memory) {}

  // The offset of the first use of `name`; nothing if this is the first.
  std::optional<uint32_t> Add(std::string_view name, uint32_t offset) {
    const size_t number = names_.Add(name);
    if (number < offsets_.size()) return offsets_[number];
    offsets_.push_back(offset);
    return std::nullopt;
  }

 private:
  NameIndex names_;
  std::pmr::vector<uint32_t> offsets_;
};

}  // namespace fsubs::graphql
