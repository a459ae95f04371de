#include "worker/socket/read_turns.hpp"

namespace fsubs {

// While anybody waits, all who come queue up behind, so nobody is overtaken.

ReadTurns::ReadTurns(uv_loop_t* loop) : time_(loop) {
  uv_idle_init(loop, &idle_);
  idle_.data = this;
}

void ReadTurns::Ask(Reader* reader) {
  if (first_ == nullptr && !time_.is_over()) {
    time_.Spend([&] { reader->Read(); });
    return;
  }
  Queue(reader);
}

void ReadTurns::Queue(Reader* reader) {
  reader->before_ = last_;
  reader->behind_ = nullptr;
  (last_ != nullptr ? last_->behind_ : first_) = reader;
  last_ = reader;
  uv_idle_start(&idle_,
                [](uv_idle_t* idle) { static_cast<ReadTurns*>(idle->data)->ReadWaiting(); });
}

void ReadTurns::Remove(Reader* reader) {
  (reader->before_ != nullptr ? reader->before_->behind_ : first_) = reader->behind_;
  (reader->behind_ != nullptr ? reader->behind_->before_ : last_) = reader->before_;
}

void ReadTurns::ReadWaiting() {
  while (first_ != nullptr && !time_.is_over()) {
    Reader* const reader = first_;
    Remove(reader);
    time_.Spend([&] { reader->Read(); });
  }
  if (first_ == nullptr) uv_idle_stop(&idle_);
}

}  // namespace fsubs
