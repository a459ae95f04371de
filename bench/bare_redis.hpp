// As little as it takes to put entries of a stream into Redis and to read them: the floor of the
// bus. Failures are thrown.
#pragma once

#include <hiredis/hiredis.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>

#include "worker/base/clock.hpp"
#include "worker/bus/redis/command.hpp"
#include "worker/bus/redis/stream_entry.hpp"

namespace fsubs::bench {

inline constexpr char kBareStream[] = "fraiseql_subs:{bench}:bare";

using RedisReplyPtr = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;

class BareConnection {
 public:
  explicit BareConnection(uint16_t port) : context_(redisConnect("127.0.0.1", port), redisFree) {
    if (context_ == nullptr || context_->err != 0) throw std::runtime_error("no Redis there");
    redisEnableKeepAlive(context_.get());
  }

  void Send(const std::string& commands) {
    if (redisAppendFormattedCommand(context_.get(), commands.data(), commands.size()) != REDIS_OK) {
      Fail();
    }
  }
  // What is sent goes out, if it has not yet.
  void Flush() {
    for (int done = 0; done == 0;) {
      if (redisBufferWrite(context_.get(), &done) != REDIS_OK) Fail();
    }
  }
  RedisReplyPtr Receive() {
    void* reply = nullptr;
    if (redisGetReply(context_.get(), &reply) != REDIS_OK) Fail();
    RedisReplyPtr owned(static_cast<redisReply*>(reply), freeReplyObject);
    if (owned->type == REDIS_REPLY_ERROR) throw std::runtime_error(owned->str);
    return owned;
  }

 private:
  [[noreturn]] void Fail() const { throw std::runtime_error(context_->errstr); }

  std::unique_ptr<redisContext, decltype(&redisFree)> context_;
};

class BareWriter {
 public:
  // Entries have the bytes that the publisher makes of `record`.
  BareWriter(uint16_t port, uint64_t max_length, const EventRecord& record)
      : connection_(port), limit_(std::to_string(max_length)) {
    EncodeEntry(record, 0, &value_);
  }

  // Send one transaction of so many entries.
  void Send(size_t entries) {
    const int64_t now_us = NowUs();
    std::memcpy(value_.data() + 1, &now_us, sizeof(now_us));
    commands_.clear();
    const bool is_many = entries > 1;
    if (is_many) AppendCommand({"MULTI"}, &commands_);
    for (size_t i = 0; i < entries; ++i) {
      AppendCommand({"XADD", kBareStream, "MAXLEN", "~", limit_, EntryId(++sequence_), "r", value_},
                    &commands_);
    }
    if (is_many) AppendCommand({"EXEC"}, &commands_);
    connection_.Send(commands_);
    connection_.Flush();
    replies_.push_back(is_many ? entries + 2 : 1);
  }
  size_t under_way() const { return replies_.size(); }
  // REQUIRES: under_way() > 0.
  void AwaitOldest() {
    for (size_t i = 0; i < replies_.front(); ++i) connection_.Receive();
    replies_.pop_front();
  }

 private:
  BareConnection connection_;
  const std::string limit_;
  std::string value_;
  std::string commands_;
  uint64_t sequence_ = 0;
  std::deque<size_t> replies_;  // of each transaction that is under way
};

class BareReader {
 public:
  struct Read {
    size_t entries = 0;
    int64_t last_appended_us = 0;
  };

  explicit BareReader(uint16_t port) : connection_(port) {}

  // Wait for entries; there are none if none came for a second.
  Read Next() {
    connection_.Send(
        Command("XREAD", "COUNT", "1000", "BLOCK", "1000", "STREAMS", kBareStream, last_));
    const RedisReplyPtr reply = connection_.Receive();
    if (reply->type == REDIS_REPLY_NIL) return {};
    const redisReply* const entries = reply->element[0]->element[1];
    const redisReply* const last = entries->element[entries->elements - 1];
    last_.assign(last->element[0]->str, last->element[0]->len);
    Read read{.entries = entries->elements};
    std::memcpy(&read.last_appended_us, last->element[1]->element[1]->str + 1, sizeof(int64_t));
    return read;
  }

 private:
  BareConnection connection_;
  std::string last_ = "0-0";
};

// Have nothing there of runs before.
inline void RemoveBus(uint16_t port) {
  BareConnection connection(port);
  connection.Send(Command("KEYS", "fraiseql_subs:{bench}:*"));
  const RedisReplyPtr keys = connection.Receive();
  for (size_t i = 0; i < keys->elements; ++i) {
    connection.Send(Command("UNLINK", std::string_view(keys->element[i]->str)));
    connection.Receive();
  }
}

}  // namespace fsubs::bench
