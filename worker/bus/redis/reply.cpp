#include "worker/bus/redis/reply.hpp"

#include <hiredis/read.h>

#include <charconv>
#include <utility>

namespace fsubs {
namespace {

// Bytes of a line: an error, a number, the length of a text.
constexpr size_t kMaxLine = 64 * 1024;

}  // namespace

// hiredis makes of each part what these say, and takes a null pointer for memory that ran out: the
// reply is broken then. Whole replies are trees; a part is where its parent has room for it.
struct ReplyReader::Functions {
  static Reply* Place(const redisReadTask* task) {
    if (task->parent == nullptr) return new Reply;
    return &static_cast<Reply*>(task->parent->obj)->elements[static_cast<size_t>(task->idx)];
  }

  static Budget* BudgetOf(const redisReadTask* task) {
    return static_cast<Budget*>(task->privdata);
  }

  static bool Spend(size_t bytes, size_t elements, Budget* budget) {
    budget->bytes += bytes;
    budget->elements += elements;
    budget->spent =
        budget->bytes > budget->limits.bytes || budget->elements > budget->limits.elements;
    return !budget->spent;
  }

  static void* CreateString(const redisReadTask* task, char* text, size_t length) {
    if (!Spend(length, 0, BudgetOf(task))) return nullptr;
    Reply* const reply = Place(task);
    reply->type = task->type == REDIS_REPLY_ERROR    ? Reply::Type::kError
                  : task->type == REDIS_REPLY_STATUS ? Reply::Type::kStatus
                                                     : Reply::Type::kText;
    reply->text.assign(text, length);
    return reply;
  }

  // Versions of hiredis count in different types.
  template <typename Count>
  static void* CreateArray(const redisReadTask* task, Count count) {
    if (task->type != REDIS_REPLY_ARRAY || !Spend(0, static_cast<size_t>(count), BudgetOf(task))) {
      return nullptr;
    }
    Reply* const reply = Place(task);
    reply->type = Reply::Type::kArray;
    reply->elements.resize(static_cast<size_t>(count));
    return reply;
  }

  static void* CreateInteger(const redisReadTask* task, long long value) {
    Reply* const reply = Place(task);
    reply->type = Reply::Type::kInteger;
    reply->integer = value;
    return reply;
  }

  static void* CreateNil(const redisReadTask* task) { return Place(task); }

  static void FreeObject(void* reply) { delete static_cast<Reply*>(reply); }

  // What RESP3 has beside, which nobody asked for.
  static void* RefuseDouble(const redisReadTask*, double, char*, size_t) { return nullptr; }
  static void* RefuseBool(const redisReadTask*, int) { return nullptr; }

  template <typename All>
  static All Make() {
    All all{};
    all.createString = CreateString;
    all.createArray = CreateArray;
    all.createInteger = CreateInteger;
    all.createNil = CreateNil;
    all.freeObject = FreeObject;
    if constexpr (requires { all.createDouble; }) all.createDouble = RefuseDouble;
    if constexpr (requires { all.createBool; }) all.createBool = RefuseBool;
    return all;
  }
};

bool Reply::is_error(std::string_view code) const {
  return is_error() && text.starts_with(code) &&
         (text.size() == code.size() || text[code.size()] == ' ');
}

const Reply* Reply::Field(std::string_view name) const {
  for (size_t i = 0; i + 1 < elements.size(); i += 2) {
    if (elements[i].text == name) return &elements[i + 1];
  }
  return nullptr;
}

void ReplyReader::Free::operator()(redisReader* reader) const {
  redisReaderFree(reader);
}

ReplyReader::ReplyReader(const ReplyLimits& limits) : budget_{limits} {
  static redisReplyObjectFunctions functions = Functions::Make<redisReplyObjectFunctions>();
  reader_.reset(redisReaderCreateWithFunctions(&functions));
  if (reader_ == nullptr) throw std::bad_alloc();
  reader_->privdata = &budget_;
}

ReplyReader::~ReplyReader() = default;

bool ReplyReader::Feed(std::string_view bytes) {
  const size_t unread = reader_->len - reader_->pos;
  // What encloses a text takes a few bytes more than it.
  if (unread + bytes.size() > budget_.limits.bytes + budget_.limits.elements * 16) {
    TellTooLarge();
    return false;
  }
  if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) == 0) return true;
  error_ = "out of memory";
  return false;
}

void ReplyReader::TellTooLarge() {
  too_large_ = true;
  error_ = "a reply is larger than " + std::to_string(budget_.limits.bytes) +
           " bytes or has more than " + std::to_string(budget_.limits.elements) + " elements";
}

// What is waited for is a line, or a text whose length is there. Returns false if it will not do.
bool ReplyReader::CheckUnread() {
  const std::string_view unread(reader_->buf + reader_->pos, reader_->len - reader_->pos);
  const std::string_view line = unread.substr(0, kMaxLine);
  const size_t end = line.find('\r');
  if (end == line.npos) {
    // hiredis looks for the end of a line from its start each time that bytes have come.
    if (line.size() < kMaxLine) return true;
    error_ = "no reply of Redis: a line is longer than " + std::to_string(kMaxLine) + " bytes";
    return false;
  }
  size_t announced = 0;
  const auto read = std::from_chars(line.data(), line.data() + end, announced);
  if (read.ec == std::errc::invalid_argument || announced <= budget_.limits.bytes) return true;
  TellTooLarge();
  return false;
}

ReplyReader::Result ReplyReader::Next(Reply* reply) {
  void* read = nullptr;
  if (redisReaderGetReply(reader_.get(), &read) != 0) {
    if (budget_.spent) {
      TellTooLarge();
    } else {
      error_ = std::string("no reply of Redis: ") + reader_->errstr;
    }
    return Result::kBroken;
  }
  if (read == nullptr) return CheckUnread() ? Result::kMore : Result::kBroken;
  const std::unique_ptr<Reply> whole(static_cast<Reply*>(read));
  *reply = std::move(*whole);
  budget_.bytes = budget_.elements = 0;
  return Result::kReply;
}

}  // namespace fsubs
