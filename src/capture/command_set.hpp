// A set of the transaction's commands.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Zero bytes are an empty set. Memory belongs to the top transaction.
class CommandSet {
 public:
  // Without memory for it the command is not added. Raises no error.
  void Add(CommandId command);

  bool Has(CommandId command) const {
    const size_t word = command / 64;
    return word < capacity_ && (words_[word] >> command % 64 & 1) != 0;
  }

 private:
  bool Grow(size_t needed);

  uint64_t* words_;  // a bit for each command
  size_t capacity_;  // words
};

}  // namespace fsubs
