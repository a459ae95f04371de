// Replies of Redis (RESP2), read within bounds: the bytes may be anybody's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;

namespace fsubs {

struct Reply {
  enum class Type : uint8_t { kNil, kText, kStatus, kError, kInteger, kArray };

  Type type = Type::kNil;
  int64_t integer = 0;
  std::string text;             // of kText, kStatus and kError
  std::vector<Reply> elements;  // of kArray

  bool is_error() const { return type == Type::kError; }
  bool is_nil() const { return type == Type::kNil; }
  bool is_array() const { return type == Type::kArray; }
  bool is_text() const { return type == Type::kText || type == Type::kStatus; }
  // Whether it is an error of that code, such as "READONLY".
  bool is_error(std::string_view code) const;
  // The value of that name in a flat array of names and values; null: there is none.
  const Reply* Field(std::string_view name) const;
};

struct ReplyLimits {
  size_t bytes = 1024 * 1024;   // of one reply's texts, and of what is kept unread
  size_t elements = 64 * 1024;  // of one reply's arrays together
};

class ReplyReader {
 public:
  enum class [[nodiscard]] Result{kReply, kMore, kBroken};

  explicit ReplyReader(const ReplyLimits& limits);
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  void SetLimits(const ReplyLimits& limits) { budget_.limits = limits; }

  // Take bytes that have come. Returns false if they are too many: as kBroken of Next.
  [[nodiscard]] bool Feed(std::string_view bytes);

  // kReply: `*reply` is the next one. kMore: it is not there yet. kBroken: it is no reply, or
  // larger than the limits; nothing can be read any more, and `error` says why.
  Result Next(Reply* reply);

  const std::string& error() const { return error_; }
  // Whether a limit was what broke it.
  bool is_too_large() const { return too_large_; }

 private:
  struct Budget {
    ReplyLimits limits;
    size_t bytes = 0;  // that the reply being read has taken
    size_t elements = 0;
    bool spent = false;
  };
  struct Functions;
  bool CheckUnread();
  void TellTooLarge();
  struct Free {
    void operator()(redisReader* reader) const;
  };

  Budget budget_;
  std::unique_ptr<redisReader, Free> reader_;
  std::string error_;
  bool too_large_ = false;
};

}  // namespace fsubs
