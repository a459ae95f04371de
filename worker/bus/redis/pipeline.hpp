// Commands that go to Redis together, each of which is answered by one reply.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "worker/bus/redis/command.hpp"

namespace fsubs {

class Pipeline {
 public:
  template <typename... Parts>
  void Add(const Parts&... parts) {
    AppendCommand({std::string_view(parts)...}, &commands_);
    ++replies_;
  }

  const std::string& commands() const { return commands_; }
  size_t replies() const { return replies_; }

 private:
  std::string commands_;
  size_t replies_ = 0;
};

}  // namespace fsubs
