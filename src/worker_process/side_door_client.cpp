#include "src/worker_process/side_door_client.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

namespace fsubs {
namespace {

using side_door::FrameLength;

constexpr size_t kLengthSize = sizeof(FrameLength);
constexpr size_t kReadChunk = 64 * 1024;

// Memory for what is received that is kept for the next frame.
constexpr size_t kMaxKept = 4 * 1024 * 1024;

int ConnectToWorker() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  static_assert(sizeof(side_door::kSocketPath) <= sizeof(address.sun_path));
  memcpy(address.sun_path, side_door::kSocketPath, sizeof(side_door::kSocketPath));
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

// jsonb holds no NUL, yet a client of the worker may have put one in a name that it chose.
void ReplaceEscapedNuls(StringInfo json) {
  static constexpr char kNul[] = "\\u0000";
  constexpr size_t kNulLength = sizeof(kNul) - 1;
  char* to = json->data;
  const char* const end = json->data + json->len;
  for (const char* from = json->data; from < end;) {
    if (static_cast<size_t>(end - from) >= kNulLength && memcmp(from, kNul, kNulLength) == 0) {
      *to++ = '?';
      from += kNulLength;
    } else {
      // The character behind a backslash starts no escape.
      if (*from == '\\' && from + 1 < end) *to++ = *from++;
      *to++ = *from++;
    }
  }
  *to = '\0';
  json->len = static_cast<int>(to - json->data);
}

// REQUIRES: `utf8` is UTF-8 without NUL.
char* ToServerEncoding(const char* utf8, int length) {
  const int encoding = GetDatabaseEncoding();
  if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII) return pnstrdup(utf8, length);
  const Oid conversion = FindDefaultConversionProc(PG_UTF8, encoding);
  if (!OidIsValid(conversion)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                    errmsg("default conversion function from UTF8 to \"%s\" does not exist",
                           pg_encoding_to_char(encoding))));
  }
  StringInfoData text;
  initStringInfo(&text);
  auto* from = reinterpret_cast<unsigned char*>(const_cast<char*>(utf8));
  const unsigned char* const end = from + length;
  while (from < end) {
    char part[kReadChunk];
    int taken = pg_do_encoding_conversion_buf(
        conversion, PG_UTF8, encoding, from, static_cast<int>(end - from),
        reinterpret_cast<unsigned char*>(part), sizeof(part), true);
    appendStringInfoString(&text, part);
    if (taken == 0) {
      appendStringInfoChar(&text, '?');
      taken = pg_utf_mblen(from);
    }
    from += taken;
  }
  return text.data;
}

// What is wrong with the text is an error about the worker, whatever the parser calls it.
Jsonb* ParseJson(const char* text) {
  const MemoryContext context = CurrentMemoryContext;
  Jsonb* volatile json = nullptr;
  PG_TRY();
  { json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text))); }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    const ErrorData* const error = CopyErrorData();
    const int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
    if (category != ERRCODE_DATA_EXCEPTION && category != ERRCODE_PROGRAM_LIMIT_EXCEEDED) {
      PG_RE_THROW();
    }
    FlushErrorState();
    ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                    errmsg("fraiseql_subs: a message of the worker is not valid JSON"),
                    errdetail_internal("%s", error->message)));
  }
  PG_END_TRY();
  return json;
}

}  // namespace

char* MakeMessage(const char* op) {
  return psprintf("{\"%s\":\"%s\"}", side_door::member::kOp, op);
}

bool FindMember(Jsonb* message, const char* name, JsonbValue* value) {
  return getKeyJsonValueFromContainer(&message->root, name, static_cast<int>(strlen(name)),
                                      value) != nullptr;
}

SideDoorClient* SideDoorClient::TryOpen(Wait wait) {
  // Allocated first: nothing that may raise an error happens while only `fd` holds the socket.
  void* const memory = palloc(sizeof(SideDoorClient));
  const int fd = ConnectToWorker();
  if (fd < 0) {
    const int error = errno;
    pfree(memory);
    errno = error;
    return nullptr;
  }
  SideDoorClient* const door = new (memory) SideDoorClient(fd, wait);
  ReserveExternalFD();
  door->close_.func = Close;
  door->close_.arg = door;
  MemoryContextRegisterResetCallback(CurrentMemoryContext, &door->close_);
  initStringInfo(&door->input_);
  return door;
}

void SideDoorClient::Close(void* door) {
  close(static_cast<SideDoorClient*>(door)->fd_);
  ReleaseExternalFD();
}

void SideDoorClient::TrySend(std::string_view json) const noexcept {
  const auto head = static_cast<FrameLength>(json.size());
  iovec parts[] = {{const_cast<FrameLength*>(&head), kLengthSize},
                   {const_cast<char*>(json.data()), json.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = lengthof(parts);
  (void)sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

SideDoorResult SideDoorClient::Send(const char* json, Deadline deadline) {
  return Send(json, {}, deadline);
}

SideDoorResult SideDoorClient::Send(std::string_view start, std::string_view body,
                                    Deadline deadline) {
  const size_t length = start.size() + body.size();
  if (length > side_door::kMaxFrameLength) return SideDoorResult::kOversize;

  const auto head = static_cast<FrameLength>(length);
  StringInfoData frame;
  initStringInfo(&frame);
  enlargeStringInfo(&frame, static_cast<int>(kLengthSize + length));
  appendBinaryStringInfo(&frame, reinterpret_cast<const char*>(&head), kLengthSize);
  appendBinaryStringInfo(&frame, start.data(), static_cast<int>(start.size()));
  appendBinaryStringInfo(&frame, body.data(), static_cast<int>(body.size()));
  SideDoorResult result = SideDoorResult::kDone;
  for (int sent = 0; sent < frame.len;) {
    const ssize_t count = send(fd_, frame.data + sent, frame.len - sent, MSG_NOSIGNAL);
    if (count >= 0) {
      sent += static_cast<int>(count);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      result = SideDoorResult::kClosed;
      break;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      result = SideDoorResult::kNotYet;
      break;
    }
    WaitFor(WL_SOCKET_WRITEABLE, deadline);
    CHECK_FOR_INTERRUPTS();
  }
  pfree(frame.data);
  return result;
}

SideDoorResult SideDoorClient::TryReceive() {
  if (std::exchange(taken_, false)) ForgetTaken();
  const SideDoorResult head = ReadUpTo(kLengthSize);
  if (head != SideDoorResult::kDone) return head;
  FrameLength length;
  memcpy(&length, input_.data, kLengthSize);
  if (length > side_door::kMaxFrameLength) return SideDoorResult::kOversize;
  return ReadUpTo(kLengthSize + length);
}

// Read until `input_` holds `size` bytes and no more, so that the next frame stays in the socket.
SideDoorResult SideDoorClient::ReadUpTo(size_t size) {
  while (static_cast<size_t>(input_.len) < size) {
    // Room grows with what has come, not with the length that the worker announced.
    const size_t wanted = std::min(size - input_.len, kReadChunk);
    enlargeStringInfo(&input_, static_cast<int>(wanted));
    const ssize_t count = recv(fd_, input_.data + input_.len, wanted, 0);
    if (count > 0) {
      input_.len += static_cast<int>(count);
    } else if (count == 0) {
      return SideDoorResult::kClosed;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return SideDoorResult::kNotYet;
    } else if (errno != EINTR) {
      return SideDoorResult::kClosed;
    }
  }
  input_.data[input_.len] = '\0';
  return SideDoorResult::kDone;
}

char* SideDoorClient::TakeText() {
  StringInfoData utf8;
  initStringInfo(&utf8);
  appendBinaryStringInfo(&utf8, input_.data + kLengthSize,
                         input_.len - static_cast<int>(kLengthSize));
  taken_ = true;
  if (!pg_verify_mbstr(PG_UTF8, utf8.data, utf8.len, true)) {
    ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                    errmsg("fraiseql_subs: a message of the worker is not valid UTF-8")));
  }
  return ToServerEncoding(utf8.data, utf8.len);
}

Jsonb* SideDoorClient::TakeMessage() {
  StringInfoData text;
  initStringInfo(&text);
  appendStringInfoString(&text, TakeText());
  ReplaceEscapedNuls(&text);
  Jsonb* const message = ParseJson(text.data);
  if (!JB_ROOT_IS_OBJECT(message)) {
    ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                    errmsg("fraiseql_subs: a message of the worker is not a JSON object")));
  }
  return message;
}

// A connection may live long, and one large frame must not take its memory for as long.
void SideDoorClient::ForgetTaken() {
  if (static_cast<size_t>(input_.maxlen) <= kMaxKept) {
    resetStringInfo(&input_);
    return;
  }
  pfree(input_.data);
  const MemoryContext before = MemoryContextSwitchTo(GetMemoryChunkContext(this));
  initStringInfo(&input_);
  MemoryContextSwitchTo(before);
}

std::string_view SideDoorClient::TakeBytes() {
  taken_ = true;
  return {input_.data + kLengthSize, static_cast<size_t>(input_.len) - kLengthSize};
}

void SideDoorClient::WaitReadable(Deadline deadline) const {
  WaitFor(WL_SOCKET_READABLE, deadline);
}

void SideDoorClient::WaitFor(uint32_t socket_event, Deadline deadline) const {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  const int happened = WaitLatchOrSocket(
      MyLatch, static_cast<int>(WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH | socket_event),
      fd_, std::clamp<long>(left.count(), 0, INT_MAX), WaitEventOf(wait_));
  if ((happened & WL_LATCH_SET) != 0) ResetLatch(MyLatch);
}

}  // namespace fsubs
