// Takes the lines of one writer into the ring: bounds, checks, answers, and waits while the ring
// has no room, so that nothing that a shard has not read is overwritten.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "worker/bus/bus_reader.hpp"
#include "worker/bus/memory/event_line.hpp"
#include "worker/bus/memory/line_buffer.hpp"

namespace fsubs {

class LineIntake {
 public:
  // What a line may have: a catalog of the largest schema that can be registered, and more.
  static constexpr size_t kLongestLine = size_t{32} << 20;

  // One line to the writer, without its end. Errors come without being asked for.
  using Answer = std::function<void(bool is_error, std::string_view json)>;

  // All outlive it.
  LineIntake(BusReader::Sink* sink, Answer answer)
      : sink_(sink), answer_(std::move(answer)), lines_(kLongestLine) {}

  // Take what the writer has sent. REQUIRES: it does not wait.
  void Add(std::string_view bytes);
  // The writer sends no more.
  void End();
  // Look again whether there is room.
  void Continue();
  // Whether a line waits for room. Nothing more may be added until then.
  bool waits() const { return waiting_.has_value(); }

 private:
  void TakeLines();
  // Returns whether it was taken, and not left to wait.
  bool TakeLine(const LineBuffer::Line& line);
  bool TakeEvent();
  void TakeCatalog();
  void Fail(std::string_view error);
  void Tell(bool is_error, std::string_view member, std::string_view json);

  BusReader::Sink* const sink_;
  const Answer answer_;
  LineBuffer lines_;
  EventLine line_;
  std::optional<size_t> waiting_;  // bytes of the event in line_ that wait for room
};

}  // namespace fsubs
