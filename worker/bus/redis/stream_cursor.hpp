// How far a node has read a bus: the stream of which source, up to which event. It begins behind
// what is there, reads each source's stream to its end and goes on with the next source.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "worker/bus/redis/source_table.hpp"

namespace fsubs {

class StreamCursor {
 public:
  // The table of sources is this now.
  void Follow(SourceTable sources);
  const SourceTable& sources() const { return sources_; }

  // Of the source that is read; empty: nobody has published yet, or it is not known.
  const std::string& epoch() const { return epoch_; }
  // The last one that was handed on.
  uint64_t sequence() const { return sequence_; }

  // The stream is known but not where to begin in it.
  bool is_to_begin() const { return !epoch_.empty() && !begun_; }
  // Nothing up to that sequence is for this node.
  void BeginBehind(uint64_t sequence);
  bool has_begun() const { return begun_; }

  // Move to an event behind the cursor. Returns how many are missing before it.
  [[nodiscard]] uint64_t Advance(uint64_t sequence);

  // Another source has come: the stream has no more than it has.
  bool is_ending() const { return ending_; }
  struct Passage {
    std::string node;            // that publishes now
    uint64_t lost = 0;           // events of the last source that it had, and the stream has not
    bool has_more_lost = false;  // perhaps, and nobody knows how many
  };
  // The stream was read to its end: go on with the next source, if there is one.
  std::optional<Passage> GoOn();

 private:
  struct Left {
    std::string epoch;
    uint64_t sequence;
  };

  SourceTable sources_;
  std::string epoch_;
  uint64_t sequence_ = 0;
  bool begun_ = false;
  bool waited_ = false;  // there was no source yet: nothing of the first is too old
  bool ending_ = false;
  // Streams that were read to their end, which may go on: when the table of sources is lost, a
  // server that had been replaced can be the source again.
  std::deque<Left> left_;
  bool is_first_ = false;  // nobody can have missed what was before the next event
};

}  // namespace fsubs
