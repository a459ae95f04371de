#include "worker/key_fetch/fetch_channel.hpp"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace fsubs {
namespace {

constexpr int kPacketsPerTurn = 32;

// Errors have parts of what a server sent, and go to the log and to SQL.
std::string Printable(std::string_view text) {
  std::string printable(text.substr(0, kMaxFetchText));
  std::replace_if(
      printable.begin(), printable.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return printable.empty() ? "the fetcher does not say why" : printable;
}

bool AppendWithin(size_t limit, std::string_view text, std::string* to) {
  if (to->size() + text.size() > limit) return false;
  to->append(text);
  return true;
}

}  // namespace

FetchChannel::~FetchChannel() {
  if (process_.channel >= 0) close(process_.channel);
}

void FetchChannel::Attach(uv_loop_t* loop) {
  reaper_.Attach(loop);
  if (process_.channel < 0) return;
  is_attached_ = uv_poll_init(loop, &poll_, process_.channel) == 0;
  if (!is_attached_) return;
  poll_.data = this;
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* handle, int, int) {
    static_cast<FetchChannel*>(handle->data)->Receive();
  });
}

std::string FetchChannel::Send(uint32_t id, const std::string& url, uint64_t now_ms) {
  std::erase_if(awaited_,
                [&](const auto& one) { return now_ms - one.second.asked_ms >= kMaxAgeMs; });
  if (!is_attached_) return "the worker has no process that fetches keys";
  if (url.size() > kMaxUrl) return "the URL is too long";
  FetchRequestHead head{id};
  iovec parts[] = {{&head, sizeof(head)}, {const_cast<char*>(url.data()), url.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = std::size(parts);
  if (sendmsg(process_.channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    return std::string("the request could not be sent: ") + std::strerror(errno);
  }
  awaited_[id].asked_ms = now_ms;
  return {};
}

void FetchChannel::Receive() {
  char packet[sizeof(FetchReplyHead) + kPacketText];
  for (int i = 0; i < kPacketsPerTurn && is_attached_; ++i) {
    const ssize_t size = recv(process_.channel, packet, sizeof(packet), MSG_TRUNC);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) {
      Close(
          "the process that fetches keys has ended; they are not fetched any more until the worker "
          "is restarted");
    } else if (static_cast<size_t>(size) > sizeof(packet) ||
               !TakePacket({packet, static_cast<size_t>(size)})) {
      Close(
          "the process that fetches keys broke its protocol; they are not fetched any more until "
          "the worker is restarted");
    }
  }
}

bool FetchChannel::TakePacket(std::string_view packet) {
  FetchReplyHead head;
  if (packet.size() < sizeof(head)) return false;
  std::memcpy(&head, packet.data(), sizeof(head));
  packet.remove_prefix(sizeof(head));
  if (head.kind == FetchReplyKind::kStarted) {
    // The first one has nothing to lose.
    if (awaited_.empty()) return true;
    awaited_.clear();
    sink_->OnFetcherLost("the process that fetches keys crashed");
    return true;
  }
  const auto found = awaited_.find(head.id);
  // Of a fetcher before this one, or too late.
  if (found == awaited_.end()) return true;
  FetchResult& result = found->second.result;
  switch (head.kind) {
    case FetchReplyKind::kDocument:
      return AppendWithin(kMaxDocument, packet, &result.document);
    case FetchReplyKind::kCacheControl:
      return AppendWithin(kMaxFetchText, packet, &result.cache_control);
    case FetchReplyKind::kFailed:
      result.error = Printable(packet);
      break;
    case FetchReplyKind::kDone:
      break;
    default:
      return false;
  }
  sink_->OnFetched(head.id, std::move(awaited_.extract(found).mapped().result));
  return true;
}

void FetchChannel::Close(const std::string& why) {
  is_attached_ = false;
  uv_poll_stop(&poll_);
  close(std::exchange(process_.channel, -1));
  awaited_.clear();
  sink_->OnFetcherLost(why);
}

}  // namespace fsubs
