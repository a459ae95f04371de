#include "worker/identity/verified_tokens.hpp"

#include <utility>

#include "worker/base/heap_size.hpp"

namespace fsubs {
namespace {

size_t SizeOf(const Identity& identity) {
  return HeapBlock(sizeof(Identity) + 2 * sizeof(void*)) + HeapSize(identity.issuer) +
         HeapSize(identity.user.value_or("")) + HeapSize(identity.tenant.value_or("")) +
         HeapSize(identity.roles) + HeapSize(identity.scopes) + HeapSize(identity.subgraphs) +
         HeapSize(identity.role) + identity.claims.heap_size();
}

}  // namespace

const VerifiedToken* VerifiedTokens::Find(std::string_view digest, int64_t now_us) {
  const auto found = index_.find(digest);
  if (found == index_.end()) return nullptr;
  const Entries::iterator entry = found->second;
  if (now_us >= entry->token.until_us) {
    Remove(entry);
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return &entry->token;
}

void VerifiedTokens::Add(std::string digest, VerifiedToken token) {
  Remove(digest);
  const size_t bytes = SizeOf(*token.identity) + HeapSize(digest) +
                       HeapBlock(sizeof(Entry) + 2 * sizeof(void*)) + kHeapEntry<decltype(index_)>;
  entries_.push_front({std::move(digest), std::move(token), bytes});
  index_.emplace(entries_.front().digest, entries_.begin());
  bytes_ += bytes;
  while (entries_.size() > max_count_ || bytes_ > max_bytes_) Remove(std::prev(entries_.end()));
}

void VerifiedTokens::Remove(std::string_view digest) {
  const auto found = index_.find(digest);
  if (found != index_.end()) Remove(found->second);
}

void VerifiedTokens::Remove(Entries::iterator entry) {
  bytes_ -= entry->bytes;
  index_.erase(entry->digest);
  entries_.erase(entry);
}

void VerifiedTokens::Clear() {
  index_.clear();
  entries_.clear();
  bytes_ = 0;
}

}  // namespace fsubs
