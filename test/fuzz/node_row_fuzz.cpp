// Any text as what a node tells of itself: what is read of it says the same when it is written and
// read again.
#include <string_view>

#include "worker/bus/node_row.hpp"
#include "worker/json/json_tree.hpp"

using namespace fsubs;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto row = NodeRow::Read({reinterpret_cast<const char*>(data), size});
  if (!row) return 0;
  const std::string json = row->ToJson();
  const auto again = NodeRow::Read(json);
  if (!IsUtf8(json) || !again || again->ToJson() != json) __builtin_trap();
  return 0;
}
