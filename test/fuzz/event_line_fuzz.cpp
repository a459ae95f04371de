// Lines of the memory bus: however they are cut they say the same, and an event can be encoded and
// is what it was.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "contract/event_record.hpp"
#include "worker/bus/memory/event_line.hpp"
#include "worker/bus/memory/line_buffer.hpp"

using namespace fsubs;

namespace {

constexpr size_t kLongest = 200;

void Require(bool holds) {
  if (!holds) __builtin_trap();
}

std::vector<std::string> Split(std::string_view text, size_t piece) {
  LineBuffer buffer(kLongest);
  std::vector<std::string> lines;
  const auto take = [&] {
    while (const auto line = buffer.Next()) {
      Require(line->text.size() <= kLongest);
      lines.emplace_back(line->is_too_long ? "too long" : line->text);
    }
  };
  for (size_t at = 0; at < text.size(); at += piece) {
    buffer.Add(text.substr(at, piece));
    take();
  }
  buffer.End();
  take();
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> lines = Split(text, size + 1);
  Require(lines == Split(text, 1) && lines == Split(text, 7));
  EventLine reader;
  for (const std::string& line : lines) {
    if (reader.Read(line) != EventLine::Kind::kEvent) continue;
    const EventRecord& event = reader.event();
    std::vector<uint64_t> bytes(EncodedSize(event) / 8);
    Encode(event, bytes.data());
    EventRecord decoded;
    Require(Decode({reinterpret_cast<const char*>(bytes.data()), bytes.size() * 8}, &decoded) ==
            DecodeResult::kOk);
    Require(decoded.channel == event.channel && decoded.data == event.data);
  }
  return 0;
}
