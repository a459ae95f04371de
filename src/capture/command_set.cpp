#include "src/capture/command_set.hpp"

#include <algorithm>

namespace fsubs {

void CommandSet::Add(CommandId command) {
  const size_t word = command / 64;
  if (word >= capacity_ && !Grow(word + 1)) return;
  words_[word] |= uint64_t{1} << command % 64;
}

bool CommandSet::Grow(size_t needed) {
  const size_t capacity = std::max<size_t>({capacity_ * 2, needed, 8});
  auto* const words = static_cast<uint64_t*>(
      MemoryContextAllocExtended(TopTransactionContext, capacity * sizeof(uint64_t),
                                 MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO));
  if (words == nullptr) return false;
  if (words_ != nullptr) {
    memcpy(words, words_, capacity_ * sizeof(uint64_t));
    pfree(words_);
  }
  words_ = words;
  capacity_ = capacity;
  return true;
}

}  // namespace fsubs
