// What values take of the heap, as glibc's allocator counts it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace fsubs {

// A block of that many bytes. The allocator adds a word, and rounds up.
constexpr size_t HeapBlock(size_t bytes) {
  return bytes == 0 ? 0 : std::max<size_t>(32, (bytes + sizeof(void*) + 15) / 16 * 16);
}

inline size_t HeapSize(const std::string& text) {
  const bool is_inside = text.capacity() == std::string().capacity();
  return is_inside ? 0 : HeapBlock(text.capacity() + 1);
}

// The array of a vector, without what its elements hold elsewhere.
template <typename Element>
size_t HeapArray(const std::vector<Element>& vector) {
  return HeapBlock(vector.capacity() * sizeof(Element));
}

inline size_t HeapSize(const std::vector<std::string>& texts) {
  size_t size = HeapArray(texts);
  for (const std::string& text : texts) size += HeapSize(text);
  return size;
}

// An entry of an unordered map, without what it holds elsewhere: the value, a link, a hash, and its
// share of the buckets.
template <typename Map>
constexpr size_t kHeapEntry = HeapBlock(sizeof(typename Map::value_type) + 2 * sizeof(void*)) +
                              2 * sizeof(void*);

}  // namespace fsubs
