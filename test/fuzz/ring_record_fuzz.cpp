// Any bytes as a ring: reading ends, stays inside the region and never crashes.
#include <cstring>
#include <vector>

#include "contract/ring_reader.hpp"
#include "contract/ring_writer.hpp"

using namespace fsubs;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kCapacity = 512;
  EventRecord record;
  (void)Decode({reinterpret_cast<const char*>(data), size}, &record);

  std::vector<uint64_t> region((kRingHeaderSize + kCapacity) / 8);
  auto* const ring = reinterpret_cast<RingHeader*>(region.data());
  InitRing(ring, kCapacity, 1);
  RingReader reader(ring);
  // The first bytes are the head, the tail and the sequence; the rest are records.
  uint64_t positions[3] = {};
  const size_t prefix = size < sizeof(positions) ? size : sizeof(positions);
  std::memcpy(positions, data, prefix);
  ring->head = positions[0] % (4 * kCapacity) / 8 * 8;
  ring->tail = positions[1] % (4 * kCapacity) / 8 * 8;
  ring->head_sequence = positions[2];
  const size_t bytes = size - prefix < kCapacity ? size - prefix : kCapacity;
  std::memcpy(reinterpret_cast<char*>(region.data()) + kRingHeaderSize, data + prefix, bytes);
  uint64_t lost;
  for (size_t i = 0; i < kCapacity; ++i) {
    if (reader.Next(&record, &lost) == RingReader::Result::kEmpty) break;
    // Every byte of the views is readable.
    volatile size_t sum = 0;
    for (char c : record.data) sum = sum + static_cast<unsigned char>(c);
  }
  (void)reader.Seek(positions[2]);
  EventName name;
  (void)ParsePosition({reinterpret_cast<const char*>(data), size}, &name);
  return 0;
}
