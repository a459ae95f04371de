// Tokens that were verified not long ago. Clients that lose their connections at once come back at
// once, with the tokens they had.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "worker/identity/identity.hpp"
#include "worker/identity/key_set.hpp"

namespace fsubs {

struct VerifiedToken {
  std::shared_ptr<const Identity> identity;
  std::shared_ptr<const KeySet> fetched_keys;  // if its key is one of these
  int64_t until_us = 0;                        // when it must be verified anew
};

// The least recently used go first.
class VerifiedTokens {
 public:
  VerifiedTokens(size_t max_count, size_t max_bytes)
      : max_count_(max_count), max_bytes_(max_bytes) {}

  // By the digest of all that the identity depends on. Null if it is not known, or no longer.
  // Valid until the next call.
  const VerifiedToken* Find(std::string_view digest, int64_t now_us);
  void Add(std::string digest, VerifiedToken token);
  void Remove(std::string_view digest);
  void Clear();

  size_t size() const { return entries_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string digest;
    VerifiedToken token;
    size_t bytes;
  };
  using Entries = std::list<Entry>;

  void Remove(Entries::iterator entry);

  const size_t max_count_;
  const size_t max_bytes_;
  Entries entries_;  // the most recently used first
  std::unordered_map<std::string_view, Entries::iterator> index_;
  size_t bytes_ = 0;
};

}  // namespace fsubs
