#include "worker/bus/redis/reader_line.hpp"

#include <utility>

namespace fsubs {

ReaderLine::ReaderLine(Setup setup)
    : setup_(std::move(setup)),
      connection_(setup_.access, setup_.purpose, setup_.limits, setup_.dialer, this) {}

void ReaderLine::Ask(const std::string& commands, size_t replies, uint64_t timeout_ms,
                     RedisLink::Done done) {
  asking_ = true;
  connection_.Request(commands, replies, timeout_ms,
                      [this, done = std::move(done)](RedisLink::Replies come) {
                        asking_ = false;
                        done(std::move(come));
                      });
}

bool ReaderLine::Refused(const Reply& reply) {
  if (!reply.is_error()) return false;
  connection_.Fail(reply.text);
  return true;
}

void ReaderLine::NoteSuccess() {
  connection_.NoteSuccess();
  trouble_.clear();
}

void ReaderLine::OnReady() {
  setup_.counters->connects.Add();
  asking_ = false;
  setup_.ready();
}

void ReaderLine::OnDown(const std::string& why) {
  asking_ = false;
  if (why.empty()) return;
  setup_.counters->errors.Add();
  trouble_ = "Redis: " + why;
  setup_.down();
}

}  // namespace fsubs
