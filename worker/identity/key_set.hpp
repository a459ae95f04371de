// The keys of an issuer (RFC 7517, section 5).
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace fsubs {

class KeySet {
 public:
  // Null, with `*error` set, if `json` is no set of keys. Keys that cannot be used are left out.
  static std::shared_ptr<const KeySet> Parse(std::string_view json, std::string* error);
};

}  // namespace fsubs
