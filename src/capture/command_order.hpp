// Keeps the changes of one command together, and those of one row in their order.
//
// PostgreSQL fires a statement's AFTER triggers when all its rows are changed, so what they do
// themselves is captured between the statement's own rows, though it came later. The queue
// therefore orders records by their anchor: a number that a command draws when its first change is
// captured, whether or not that leaves a record. What is captured after that and is of another
// command comes behind all of the command's records. What BEFORE triggers and functions of the
// statement do is captured before its first row, and stays in front of it, but for what they do to
// rows that the statement has already changed (early_changes.hpp).
#pragma once

#include "src/base/pg_compat.hpp"
#include "src/capture/command_set.hpp"
#include "src/capture/early_changes.hpp"
#include "src/capture/version_change.hpp"

namespace fsubs {

// Zero bytes are an empty queue's. Memory belongs to the top transaction.
class CommandOrder {
 public:
  // What a savepoint remembers.
  struct State {
    uint64_t last_drawn;   // the highest anchor
    uint64_t last_anchor;  // of the last record
    bool is_disturbed;     // some record goes in front of one that was queued before it
    size_t early_changes;
  };

  // Take note of a record that ends at the byte `end` of the queue, and return its anchor. A record
  // whose command is not known has its place for itself. Raises no error.
  uint64_t PlaceRecord(const VersionChange& change, uint64_t end);

  // Take note of a change that leaves no record. `end` is the end of the queue. Raises no error.
  void PlaceNothing(const VersionChange& change, uint64_t end);

  // The anchor that is drawn next.
  uint64_t next_anchor() const { return last_drawn_ + 1; }

  State state() const { return {last_drawn_, last_anchor_, is_disturbed_, early_changes_.size()}; }

  // Forget what was noted since.
  void Restore(const State& state);

  // Call before PlaceOf, when no more come.
  void Settle() { early_changes_.Settle(); }
  bool is_disturbed() const { return is_disturbed_; }

  // The anchor in front of whose records the one at the byte `at` goes; its own anchor if it stays.
  uint64_t PlaceOf(uint64_t anchor, uint64_t at) const {
    return early_changes_.PlaceOf(anchor, at);
  }

 private:
  // The latest command whose AFTER triggers fired at a depth of triggers within triggers. Commands
  // at greater depths that are not on the stack are over.
  struct Entry {
    int depth;
    CommandId command;
    uint64_t anchor;
  };

  uint64_t Place(const VersionChange& change, uint64_t end);
  uint64_t AnchorOf(CommandId command);
  bool Push(const Entry& entry);

  uint64_t last_drawn_;  // never drawn again, even after rolling back
  uint64_t last_anchor_;
  bool is_disturbed_;
  Entry* stack_;  // depths and anchors ascend
  size_t size_;
  size_t capacity_;
  CommandSet captured_;  // commands that have drawn an anchor
  EarlyChanges early_changes_;
};

}  // namespace fsubs
