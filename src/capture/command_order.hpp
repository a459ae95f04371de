// Keeps the changes of one command together.
//
// PostgreSQL fires a statement's AFTER triggers when all its rows are changed, so what they do
// themselves is captured between the statement's own rows, though it came later. The queue
// therefore orders records by their anchor: where the first record of their command begins. What
// lies behind the anchor and is of another command comes behind all of the command's records. What
// BEFORE triggers and functions of the statement do is captured before its first row, and stays in
// front of it.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Zero bytes are an empty queue's. Memory belongs to the top transaction.
class CommandOrder {
 public:
  // What a savepoint remembers.
  struct State {
    uint64_t last_anchor;  // of the last record
    bool is_disturbed;     // some record has a lower anchor than the one in front of it
  };

  // Take note of a record at the byte `at` of the queue, and return its anchor. `command` is
  // InvalidCommandId for a record that has its place for itself. Raises no error.
  uint64_t Place(CommandId command, uint64_t at);

  // Forget the records from the byte `at` on.
  void Restore(const State& state, uint64_t at);

  const State& state() const { return state_; }

 private:
  // The latest command whose AFTER triggers fired at a depth of triggers within triggers. Commands
  // at greater depths that are not on the stack are over.
  struct Entry {
    int depth;
    CommandId command;
    uint64_t anchor;
  };

  bool Push(const Entry& entry);

  State state_;
  Entry* stack_;  // depths and anchors ascend
  size_t size_;
  size_t capacity_;
};

}  // namespace fsubs
