// Bytes that wait to be written to one connection, WebSocket frames mostly, joined in one buffer so
// that a turn of the loop writes them with one system call.
//
// One shard's thread only. Buffers come from the shard's pool and go back when they have been
// written, so a connection with nothing to send holds none.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "worker/socket/ws_frame.hpp"

namespace fsubs {

class BufferPool {
 public:
  std::unique_ptr<std::string> Take();
  void Return(std::unique_ptr<std::string> buffer);

 private:
  std::vector<std::unique_ptr<std::string>> free_;
};

class Outbox {
 public:
  enum class [[nodiscard]] Result{
      kAppended,
      kFull,  // there is less room than that; nothing was appended
  };

  // Bytes left free in front of the joined bytes, for the socket library.
  Outbox(BufferPool* pool, size_t headroom) : pool_(pool), headroom_(headroom) {}
  ~Outbox() { Clear(); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // Append one frame whose payload is the three parts joined.
  Result AppendFrame(Opcode opcode, std::string_view head, std::string_view body,
                     std::string_view tail, size_t room_bytes);
  // Append bytes as they are.
  Result AppendBytes(std::string_view bytes, size_t room_bytes);

  bool empty() const { return buffer_ == nullptr; }
  // Everything joined, behind `headroom` bytes. REQUIRES: not empty.
  unsigned char* bytes() { return reinterpret_cast<unsigned char*>(buffer_->data()) + headroom_; }
  size_t size() const { return buffer_ ? buffer_->size() - headroom_ : 0; }

  // Drop what waits: it was written, or is not to be.
  void Clear();

 private:
  bool Reserve(size_t length, size_t room_bytes);

  BufferPool* const pool_;
  std::unique_ptr<std::string> buffer_;
  const size_t headroom_;
};

}  // namespace fsubs
