// Any rows as what bus_read() answers: they are read or refused, and no view leaves them.
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "worker/bus/postgresql/bus_answer.hpp"

using namespace fsubs;

// A value is a byte, its length, and so many bytes; the length 255 is null.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint8_t kNull = 255;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<BusRow> rows;
  while (!rest.empty()) {
    BusRow& row = rows.emplace_back();
    for (auto& value : row) {
      if (rest.empty()) break;
      const auto length = static_cast<uint8_t>(rest.front());
      rest.remove_prefix(1);
      if (length == kNull) continue;
      value = rest.substr(0, length);
      rest.remove_prefix(value->size());
    }
  }
  BusAnswer answer;
  const std::string problem = ReadBusAnswer(
      rows.size(), [&rows](size_t at) { return rows[at]; }, &answer);
  if (!problem.empty()) return 0;
  for (const BusEvent& event : answer.events) {
    // Every byte of the views is readable.
    std::vector<uint64_t> record(EncodedSize(event.record) / 8);
    Encode(event.record, record.data());
    EventRecord decoded;
    const std::string_view bytes(reinterpret_cast<const char*>(record.data()),
                                 record.size() * sizeof(uint64_t));
    if (Decode(bytes, &decoded) != DecodeResult::kOk) __builtin_trap();
  }
  if (!EpochOf(answer.cursor)) __builtin_trap();
  return 0;
}
