// What the shard that has a link says of it to the control thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace fsubs {

struct LinkReport {
  std::vector<std::string> frames;  // an answer to each Take, in their order
  size_t handled = 0;               // bytes of commands
  std::string failure;              // why the link has ended; empty: it has not

  bool is_empty() const { return frames.empty() && handled == 0 && failure.empty(); }
};

}  // namespace fsubs
