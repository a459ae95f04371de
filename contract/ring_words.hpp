// Copies words between private memory and the ring's records, which wrap at the capacity.
//
// A reader may copy while a writer overwrites. The copy is then thrown away. Relaxed atomics for
// each word make this race defined: no word is torn, and the compiler may not assume otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "contract/ring_layout.hpp"

namespace fsubs {

inline uint64_t* RingWords(RingHeader* ring) {
  return reinterpret_cast<uint64_t*>(reinterpret_cast<char*>(ring) + kRingHeaderSize);
}

inline const uint64_t* RingWords(const RingHeader* ring) {
  return reinterpret_cast<const uint64_t*>(reinterpret_cast<const char*>(ring) + kRingHeaderSize);
}

// REQUIRES: position and bytes are multiples of 8, and bytes <= capacity.
inline void StoreWords(uint64_t* words, uint64_t capacity, Position position, const void* from,
                       size_t bytes) {
  const char* source = static_cast<const char*>(from);
  size_t at = position % capacity / 8;
  const size_t end = capacity / 8;
  for (size_t left = bytes / 8; left > 0;) {
    const size_t run = left < end - at ? left : end - at;
    for (size_t i = 0; i < run; ++i) {
      uint64_t word;
      std::memcpy(&word, source + i * 8, 8);
      __atomic_store_n(words + at + i, word, __ATOMIC_RELAXED);
    }
    source += run * 8;
    left -= run;
    at = 0;
  }
}

// REQUIRES: as StoreWords.
inline void LoadWords(const uint64_t* words, uint64_t capacity, Position position, void* to,
                      size_t bytes) {
  char* target = static_cast<char*>(to);
  size_t at = position % capacity / 8;
  const size_t end = capacity / 8;
  for (size_t left = bytes / 8; left > 0;) {
    const size_t run = left < end - at ? left : end - at;
    for (size_t i = 0; i < run; ++i) {
      const uint64_t word = __atomic_load_n(words + at + i, __ATOMIC_RELAXED);
      std::memcpy(target + i * 8, &word, 8);
    }
    target += run * 8;
    left -= run;
    at = 0;
  }
}

}  // namespace fsubs
