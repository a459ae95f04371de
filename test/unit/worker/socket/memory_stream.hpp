// A stream without a socket: what a connection writes is kept, and a test says how fast its peer
// reads.
#pragma once

#include <string>
#include <string_view>

#include "worker/socket/stream.hpp"

namespace fsubs {

class MemoryStream final : public Stream {
 public:
  WriteResult Write(std::string_view bytes) override {
    if (closed_ || shut_) return WriteResult::kBroken;
    (stuck_ || !pending_.empty() ? pending_ : sent_) += bytes;
    return pending_.empty() ? WriteResult::kSent : WriteResult::kPending;
  }
  size_t pending() const override { return pending_.size(); }
  size_t unacknowledged() const override { return pending_.size(); }
  void SetReading(bool reading) override { reading_ = reading; }
  void ShutDown() override { shut_ = true; }
  void Close() override { closed_ = true; }
  std::string Peer() const override { return "192.0.2.1:1"; }

  // The peer's side.
  void SetStuck(bool stuck) { stuck_ = stuck; }
  // Whether what was pending has left now.
  bool Drain() {
    if (stuck_ || pending_.empty()) return false;
    sent_ += pending_;
    pending_.clear();
    return true;
  }
  bool reading() const { return reading_ && !closed_; }
  bool closed() const { return closed_; }
  bool shut() const { return shut_; }
  const std::string& sent() const { return sent_; }

 private:
  std::string sent_;
  std::string pending_;
  bool stuck_ = false;
  bool reading_ = true;
  bool shut_ = false;
  bool closed_ = false;
};

}  // namespace fsubs
