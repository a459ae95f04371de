// The keys of an issuer (RFC 7517, section 5).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "worker/identity/key.hpp"

namespace fsubs {

inline constexpr size_t kMaxKeySetSize = 256 * 1024;
inline constexpr size_t kMaxKeys = 100;

// Immutable; threads may share it.
class KeySet {
 public:
  // Null, with `*error` set, if `json` is no set of keys, nor a single key. Keys that cannot be
  // used are left out. The error tells nothing of what is in the text.
  static std::shared_ptr<const KeySet> Parse(std::string_view json, std::string* error);

  const std::vector<Key>& keys() const { return keys_; }
  size_t size() const { return keys_.size(); }

 private:
  std::vector<Key> keys_;
};

}  // namespace fsubs
