// What fraiseql_subs.bus_read() answers (docs/sql-only.md), checked: nothing in it is trusted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/bus/private_ring.hpp"

namespace fsubs {

// The columns of a row, in binary form.
enum class BusColumn : size_t {
  kKind,
  kFlags,
  kSeq,
  kEventType,
  kChannel,
  kCorrelationId,
  kSubgraph,
  kData,
  kPublishedAt,
  kXid,
};
inline constexpr size_t kBusColumns = 10;

// One row. Null is a null.
using BusRow = std::array<std::optional<std::string_view>, kBusColumns>;

struct BusAnswer {
  // In their order. One of the kind kCatalogChanged stands where what follows is served by a
  // catalog that is read from then on. Their texts are the rows' own, or `counts`.
  std::vector<BusEvent> events;
  std::string cursor;      // behind all of them
  bool more = false;       // there is more to be read at once
  uint64_t lost = 0;       // events that the bus does not have any more, or that made no sense
  uint64_t malformed = 0;  // rows that made no sense, each of which became a loss
  std::deque<std::string> counts;
};

// What names events of one incarnation of a database, on every node alike: from its part of a
// cursor. Nothing if it is no cursor of a version that is known here.
std::optional<uint64_t> EpochOf(std::string_view cursor);

// Read `rows` rows, each as `row` gives it. What they tell of must live as long as the answer is
// used. A row without sense is an event lost; returns why the whole makes none, or an empty string.
// `*answer` is unchanged then.
std::string ReadBusAnswer(size_t rows, const std::function<BusRow(size_t)>& row, BusAnswer* answer);

}  // namespace fsubs
