#include "worker/key_fetch/fetcher.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "worker/key_fetch/fetch_protocol.hpp"
#include "worker/sandbox/file_access.hpp"
#include "worker/sandbox/system_calls.hpp"

namespace fsubs {
namespace {

constexpr long kTimeoutMs = 5000;
constexpr int kPollMs = 10000;
constexpr long kHttpOk = 200;

bool IsLoopback(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address);
    return ntohl(ipv4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
  }
  if (address.sa_family == AF_INET6) {
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr) != 0;
  }
  return false;
}

struct Transfer {
  uint32_t id;
  CURL* easy;
  bool is_encrypted;
  std::string document;
  std::string refusal;  // why it was cut short
  char error[CURL_ERROR_SIZE] = "";
};

size_t TakeBytes(const char* bytes, size_t, size_t size, void* context) {
  Transfer* const transfer = static_cast<Transfer*>(context);
  if (transfer->document.size() + size > kMaxDocument) {
    transfer->refusal = "the answer is larger than 256 kB";
    return 0;
  }
  transfer->document.append(bytes, size);
  return size;
}

// Called with the address that a name stands for.
curl_socket_t OpenSocket(void* context, curlsocktype, curl_sockaddr* address) {
  Transfer* const transfer = static_cast<Transfer*>(context);
  if (!transfer->is_encrypted && !IsLoopback(address->addr)) {
    transfer->refusal = "http leads to another machine";
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::string CacheControl(CURL* easy) {
  std::string all;
  curl_header* header = nullptr;
  for (size_t i = 0;
       curl_easy_header(easy, "Cache-Control", i, CURLH_HEADER, -1, &header) == CURLHE_OK; ++i) {
    if (i > 0) all += ',';
    all += header->value;
  }
  return all;
}

class Fetcher {
 public:
  explicit Fetcher(int channel)
      : channel_(channel),
        multi_(curl_multi_init()),
        headers_(curl_slist_append(nullptr, "Accept: application/json")) {}

  void Run() {
    bool connected =
        multi_ != nullptr && headers_ != nullptr && Send(0, FetchReplyKind::kStarted, {});
    while (connected) {
      curl_waitfd channel{channel_, CURL_WAIT_POLLIN, 0};
      int running = 0;
      curl_multi_perform(multi_, &running);
      connected = AnswerFinished() &&
                  curl_multi_poll(multi_, &channel, 1, kPollMs, nullptr) == CURLM_OK &&
                  (channel.revents == 0 || TakeRequest());
    }
  }

 private:
  bool TakeRequest() {
    char packet[sizeof(FetchRequestHead) + kMaxUrl];
    ssize_t size;
    do {
      size = recv(channel_, packet, sizeof(packet), 0);
    } while (size < 0 && errno == EINTR);
    FetchRequestHead head;
    if (size < static_cast<ssize_t>(sizeof(head))) return false;
    std::memcpy(&head, packet, sizeof(head));
    const std::string url(packet + sizeof(head), static_cast<size_t>(size) - sizeof(head));
    if (transfers_.size() >= kMaxFetches) return Fail(head.id, "too many are being fetched");
    const std::string problem = Start(head.id, url);
    return problem.empty() || Fail(head.id, problem);
  }

  // Returns why it could not.
  std::string Start(uint32_t id, const std::string& url) {
    auto transfer = std::make_unique<Transfer>(
        Transfer{.id = id, .easy = curl_easy_init(), .is_encrypted = url.starts_with("https://")});
    if (transfer->easy == nullptr) return "out of memory";
    const CURLcode result = Configure(transfer.get(), url);
    if (result != CURLE_OK || curl_multi_add_handle(multi_, transfer->easy) != CURLM_OK) {
      curl_easy_cleanup(transfer->easy);
      return std::string("it could not be started: ") + curl_easy_strerror(result);
    }
    transfers_.push_back(std::move(transfer));
    return {};
  }

  CURLcode Configure(Transfer* transfer, const std::string& url) {
    CURLcode result = CURLE_OK;
    const auto set = [&](CURLoption option, auto value) {
      if (result == CURLE_OK) result = curl_easy_setopt(transfer->easy, option, value);
    };
    set(CURLOPT_PRIVATE, transfer);
    set(CURLOPT_ERRORBUFFER, transfer->error);
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, transfer->is_encrypted ? "https" : "http");
    set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_OPENSOCKETFUNCTION, OpenSocket);
    set(CURLOPT_OPENSOCKETDATA, transfer);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    // As OpenSSL's own programs have it.
    if (const char* const certificates = std::getenv("SSL_CERT_FILE")) {
      set(CURLOPT_CAINFO, certificates);
    }
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TIMEOUT_MS, kTimeoutMs);
    set(CURLOPT_FORBID_REUSE, 1L);
    set(CURLOPT_USERAGENT, "fraiseql_subs");
    set(CURLOPT_HTTPHEADER, headers_);
    set(CURLOPT_WRITEFUNCTION, TakeBytes);
    set(CURLOPT_WRITEDATA, transfer);
    return result;
  }

  bool AnswerFinished() {
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Transfer* finished = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &finished);
      const bool sent = Answer(finished, message->data.result);
      curl_multi_remove_handle(multi_, finished->easy);
      curl_easy_cleanup(finished->easy);
      std::erase_if(transfers_, [&](const auto& transfer) { return transfer.get() == finished; });
      if (!sent) return false;
    }
    return true;
  }

  bool Answer(Transfer* transfer, CURLcode result) {
    const uint32_t id = transfer->id;
    if (!transfer->refusal.empty()) return Fail(id, transfer->refusal);
    if (result != CURLE_OK) {
      return Fail(id, transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(result));
    }
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != kHttpOk) {
      return Fail(id, "the server answered with the status " + std::to_string(status));
    }
    std::string_view rest = transfer->document;
    while (!rest.empty()) {
      const size_t size = std::min(rest.size(), kPacketText);
      if (!Send(id, FetchReplyKind::kDocument, rest.substr(0, size))) return false;
      rest.remove_prefix(size);
    }
    const std::string cache_control = CacheControl(transfer->easy);
    return (cache_control.size() > kMaxFetchText ||
            Send(id, FetchReplyKind::kCacheControl, cache_control)) &&
           Send(id, FetchReplyKind::kDone, {});
  }

  bool Fail(uint32_t id, std::string_view reason) {
    return Send(id, FetchReplyKind::kFailed, reason.substr(0, kMaxFetchText));
  }

  bool Send(uint32_t id, FetchReplyKind kind, std::string_view text) {
    FetchReplyHead head{id, kind};
    iovec parts[] = {{&head, sizeof(head)}, {const_cast<char*>(text.data()), text.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = std::size(parts);
    ssize_t sent;
    do {
      sent = sendmsg(channel_, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
  }

  const int channel_;
  CURLM* const multi_;
  curl_slist* const headers_;
  std::vector<std::unique_ptr<Transfer>> transfers_;
};

// Where names are looked up and certificates of authorities are kept. Links lead into /run and
// /usr.
bool Confine() {
  std::vector<std::string> readable{"/etc",
                                    "/usr",
                                    "/lib",
                                    "/lib64",
                                    "/run/systemd/resolve",
                                    "/run/resolvconf",
                                    "/run/NetworkManager"};
  if (const char* const certificates = std::getenv("SSL_CERT_FILE")) {
    readable.emplace_back(certificates);
  }
  std::string error;
  return RestrictFileAccess(readable, /*connects=*/true, &error) != FileAccess::kFailed &&
         RestrictSystemCalls(Calls::kFetch).empty();
}

}  // namespace

void RunFetcher(int channel, Confinement confinement) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return;
  if (confinement == Confinement::kOn && !Confine()) return;
  Fetcher(channel).Run();
}

}  // namespace fsubs
