#include "worker/socket/outbox.hpp"

namespace fsubs {
namespace {

// Buffers larger than this, and more than so many, are given back to the allocator.
constexpr size_t kMaxPooledBytes = 256 * 1024;
constexpr size_t kMaxPooled = 1024;

}  // namespace

std::unique_ptr<std::string> BufferPool::Take() {
  if (free_.empty()) return std::make_unique<std::string>();
  std::unique_ptr<std::string> buffer = std::move(free_.back());
  free_.pop_back();
  return buffer;
}

void BufferPool::Return(std::unique_ptr<std::string> buffer) {
  if (free_.size() >= kMaxPooled || buffer->capacity() > kMaxPooledBytes) return;
  buffer->clear();
  free_.push_back(std::move(buffer));
}

bool Outbox::Reserve(size_t length, size_t room_bytes) {
  if (length > room_bytes) return false;
  if (!buffer_) buffer_ = pool_->Take();
  return true;
}

Outbox::Result Outbox::AppendFrame(Opcode opcode, std::string_view head, std::string_view body,
                                   std::string_view tail, size_t room_bytes) {
  const size_t length = head.size() + body.size() + tail.size();
  if (!Reserve(length + kMaxFrameHeader, room_bytes)) return Result::kFull;
  AppendFrameHeader(opcode, length, buffer_.get());
  buffer_->append(head).append(body).append(tail);
  return Result::kAppended;
}

Outbox::Result Outbox::AppendBytes(std::string_view bytes, size_t room_bytes) {
  if (!Reserve(bytes.size(), room_bytes)) return Result::kFull;
  buffer_->append(bytes);
  return Result::kAppended;
}

void Outbox::Clear() {
  if (buffer_) pool_->Return(std::move(buffer_));
}

}  // namespace fsubs
