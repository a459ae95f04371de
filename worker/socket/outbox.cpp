#include "worker/socket/outbox.hpp"

#include <algorithm>
#include <utility>

namespace fsubs {
namespace {

// A larger buffer, and those that come to more together, are given back to the allocator.
constexpr size_t kMaxBuffer = 256 * 1024;
constexpr size_t kMaxPool = 16 * 1024 * 1024;

}  // namespace

std::unique_ptr<std::string> BufferPool::Take() {
  if (free_.empty()) return std::make_unique<std::string>();
  std::unique_ptr<std::string> buffer = std::move(free_.back());
  free_.pop_back();
  bytes_ -= buffer->capacity();
  unused_ = std::min(unused_, free_.size());
  return buffer;
}

void BufferPool::Return(std::unique_ptr<std::string> buffer) {
  const size_t size = buffer->capacity();
  if (size > kMaxBuffer || bytes_ + size > kMaxPool) {
    freed_ += size;
    return;
  }
  buffer->clear();
  bytes_ += size;
  free_.push_back(std::move(buffer));
}

size_t BufferPool::Shrink() {
  // The last are taken first, so those that were not needed are in front.
  for (size_t i = 0; i < unused_; ++i) {
    bytes_ -= free_[i]->capacity();
    freed_ += free_[i]->capacity();
  }
  free_.erase(free_.begin(), free_.begin() + static_cast<ptrdiff_t>(unused_));
  unused_ = free_.size();
  return std::exchange(freed_, 0);
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

Outbox::Result Outbox::AppendBytes(std::initializer_list<std::string_view> parts,
                                   size_t room_bytes) {
  size_t length = 0;
  for (const std::string_view part : parts) length += part.size();
  if (!Reserve(length, room_bytes)) return Result::kFull;
  for (const std::string_view part : parts) buffer_->append(part);
  return Result::kAppended;
}

void Outbox::Clear() {
  if (buffer_) pool_->Return(std::move(buffer_));
}

}  // namespace fsubs
