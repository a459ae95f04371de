// `next` messages as the floor server sends them.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "bench/wire.hpp"
#include "worker/socket/ws_frame.hpp"

namespace fsubs::bench {

// Frames one behind the other, ready but for the id of the subscription that
// they are for.
class Messages {
 public:
  void Append(std::string_view payload) {
    const size_t length =
        kBeforeId.size() + kSubscriptionIdLength + kAfterId.size() + payload.size() + 1;
    AppendFrameHeader(Opcode::kText, length, &bytes_);
    bytes_.append(kBeforeId);
    id_positions_.push_back(bytes_.size());
    bytes_.append(kSubscriptionIdLength, '-').append(kAfterId).append(payload).append("}");
  }

  // REQUIRES: the id has kSubscriptionIdLength bytes.
  std::string_view For(std::string_view id) {
    for (const size_t position : id_positions_) {
      std::memcpy(bytes_.data() + position, id.data(), kSubscriptionIdLength);
    }
    return bytes_;
  }

  bool empty() const { return bytes_.empty(); }

  void Clear() {
    bytes_.clear();
    id_positions_.clear();
  }

 private:
  std::string bytes_;
  std::vector<size_t> id_positions_;
};

}  // namespace fsubs::bench
