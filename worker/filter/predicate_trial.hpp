// Tries whether a predicate holds for data, in slices: a filter may have many conditions, and each
// may look at long texts and lists.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "worker/base/work_budget.hpp"
#include "worker/filter/filter.hpp"
#include "worker/json/json_tree.hpp"

namespace fsubs {

class PredicateTrial {
 public:
  // Begin, giving up what was begun before. `predicate` and `data` outlive the trial.
  void Start(const Predicate& predicate, const JsonValue& data);

  // Go on. Returns whether the predicate holds, or nothing if the budget was spent before that is
  // known. REQUIRES: started, and nothing returned so far.
  std::optional<bool> Continue(WorkBudget* budget);

 private:
  // A predicate that is being tried: the stack of a recursion that can stop anywhere.
  struct Frame {
    const Predicate* predicate;
    JsonValue data;
    size_t next = 0;                   // of the inner ones
    std::optional<JsonValue> list;     // kSome, kEvery, kNone
    std::optional<JsonValue> element;  // the last one tried
  };

  void Push(const Predicate& predicate, const JsonValue& data);
  void Settle(bool holds);
  void AdvanceInner(Frame* frame);
  void AdvanceList(Frame* frame);

  std::vector<Frame> frames_;
  std::optional<bool> settled_;  // what became of the frame that was taken off last
};

}  // namespace fsubs
