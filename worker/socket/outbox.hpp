// Bytes that wait to be written to one connection, WebSocket frames mostly, joined in one buffer so
// that a turn of the loop writes them with one system call.
//
// One shard's thread only. Buffers come from the shard's pool and go back when they have been
// written, so a connection with nothing to send holds none.
#pragma once

#include <cstddef>
#include <initializer_list>
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

  // Give back those that nobody needed since the last call. Returns how many bytes that were, with
  // those that Return gave back.
  size_t Shrink();

 private:
  std::vector<std::unique_ptr<std::string>> free_;
  size_t bytes_ = 0;   // of them
  size_t unused_ = 0;  // of them, at least, since the last Shrink
  size_t freed_ = 0;   // bytes, since then
};

class Outbox {
 public:
  enum class [[nodiscard]] Result{
      kAppended,
      kFull,  // there is less room than that; nothing was appended
  };

  explicit Outbox(BufferPool* pool) : pool_(pool) {}
  ~Outbox() { Clear(); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // Append one frame whose payload is the three parts joined.
  Result AppendFrame(Opcode opcode, std::string_view head, std::string_view body,
                     std::string_view tail, size_t room_bytes);
  // Append bytes as they are, these joined.
  Result AppendBytes(std::initializer_list<std::string_view> parts, size_t room_bytes);
  Result AppendBytes(std::string_view bytes, size_t room_bytes) {
    return AppendBytes({bytes}, room_bytes);
  }

  bool empty() const { return buffer_ == nullptr; }
  // Everything joined.
  std::string_view bytes() const { return buffer_ ? *buffer_ : std::string_view(); }
  size_t size() const { return bytes().size(); }

  // Drop what waits: it was written, or is not to be.
  void Clear();

 private:
  bool Reserve(size_t length, size_t room_bytes);

  BufferPool* const pool_;
  std::unique_ptr<std::string> buffer_;
};

}  // namespace fsubs
