#include "worker/limits/cut_history.hpp"

#include <algorithm>
#include <utility>

namespace fsubs {

void CutHistory::AddCut(Position position) {
  if (!std::exchange(is_open_, true)) {
    Run& next = runs_[count_++ % kRuns];
    forgotten_to_ = next.last;
    next.first = position;
  }
  runs_[(count_ - 1) % kRuns].last = position;
}

bool CutHistory::IsCut(Position position) const {
  const size_t kept = std::min(count_, kRuns);
  return std::any_of(runs_.begin(), runs_.begin() + kept, [position](const Run& run) {
    return run.first <= position && position <= run.last;
  });
}

}  // namespace fsubs
