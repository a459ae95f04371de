// HTTP requests of the socket server.
#include <sys/socket.h>

#include <cstring>

#include "worker/socket/lws_session.hpp"

namespace fsubs {
namespace {

// The head of a reply: status line and headers.
constexpr size_t kMaxReplyHead = 4096;

// A parameter of the URL is at most as long as all headers together.
constexpr size_t kMaxParameter = 16 * 1024;

struct Method {
  lws_token_indexes token;
  HttpMethod method;
};

constexpr Method kMethods[] = {
    {WSI_TOKEN_GET_URI, HttpMethod::kGet},
    {WSI_TOKEN_HEAD_URI, HttpMethod::kHead},
    {WSI_TOKEN_POST_URI, HttpMethod::kPost},
    {WSI_TOKEN_OPTIONS_URI, HttpMethod::kOptions},
};

HttpMethod MethodOf(lws* wsi) {
  for (const Method& known : kMethods) {
    if (lws_hdr_total_length(wsi, known.token) > 0) return known.method;
  }
  return HttpMethod::kOther;
}

std::vector<std::string> ParametersOf(lws* wsi) {
  std::vector<std::string> parameters;
  std::string buffer(kMaxParameter, '\0');
  for (int i = 0;; ++i) {
    const int length = lws_hdr_copy_fragment(wsi, buffer.data(), static_cast<int>(buffer.size()),
                                             WSI_TOKEN_HTTP_URI_ARGS, i);
    if (length < 0) return parameters;
    parameters.emplace_back(buffer.data(), static_cast<size_t>(length));
  }
}

// The whole request is there.
void Hand(HttpSession* session) {
  session->stage = HttpSession::Stage::kWaiting;
  session->peer->OnRequest(std::move(session->request));
}

int WriteHead(HttpSession* session, size_t body_length) {
  lws* const wsi = session->wsi;
  const HttpReply& reply = session->reply;
  unsigned char head[LWS_PRE + kMaxReplyHead];
  unsigned char* const start = head + LWS_PRE;
  unsigned char* next = start;
  unsigned char* const end = head + sizeof(head) - 1;
  if (lws_add_http_common_headers(wsi, reply.status, reply.content_type.c_str(), body_length, &next,
                                  end) != 0) {
    return -1;
  }
  HttpHeaders headers = std::move(session->reply.headers);
  headers.emplace_back("x-content-type-options", "nosniff");
  for (const auto& [name, value] : headers) {
    const std::string field = name + ":";
    if (lws_add_http_header_by_name(wsi, reinterpret_cast<const unsigned char*>(field.c_str()),
                                    reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), &next, end) != 0) {
      return -1;
    }
  }
  return lws_finalize_write_http_header(wsi, start, &next, end) == 0 ? 0 : -1;
}

int WriteReply(HttpSession* session) {
  lws* const wsi = session->wsi;
  std::string body = std::move(session->reply.body);
  const size_t length = body.size();
  if (WriteHead(session, length) != 0) return -1;
  if (session->request.method == HttpMethod::kHead) body.clear();
  CloseHttp(wsi);
  if (!body.empty()) {
    body.insert(0, LWS_PRE, '\0');
    unsigned char* const bytes = reinterpret_cast<unsigned char*>(body.data()) + LWS_PRE;
    if (lws_write(wsi, bytes, length, LWS_WRITE_HTTP_FINAL) < 0) return -1;
  }
  return lws_http_transaction_completed(wsi) != 0 ? -1 : 0;
}

}  // namespace

int StartHttp(lws* wsi, const char* path) {
  auto session = std::make_unique<HttpSession>();
  session->wsi = wsi;
  HttpRequest& request = session->request;
  request.method = MethodOf(wsi);
  request.path = path;
  request.parameters = ParametersOf(wsi);
  request.accept = HeaderOf(wsi, WSI_TOKEN_HTTP_ACCEPT);
  request.content_type = HeaderOf(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE);
  request.origin = HeaderOf(wsi, WSI_TOKEN_ORIGIN);
  request.host = HeaderOf(wsi, WSI_TOKEN_HOST);
  const std::string length = HeaderOf(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
  HttpSession* const raw = session.release();
  lws_set_opaque_user_data(wsi, raw);
  raw->peer = ImplOf(wsi)->host->OnHttp(HttpSocket(raw));
  if (request.method != HttpMethod::kPost) {
    Hand(raw);
  } else if (length.empty()) {
    // libwebsockets does not read bodies in chunks.
    HttpSocket(raw).Reply({kHttpLengthRequired,
                           "text/plain; charset=utf-8",
                           "a request needs a Content-Length\n",
                           {{"connection", "close"}}});
  } else if (length == "0") {
    Hand(raw);
  }
  return 0;
}

int ReceiveBody(lws* wsi, const char* bytes, size_t length) {
  HttpSession* const session = HttpSessionOf(wsi);
  if (session == nullptr || session->stage != HttpSession::Stage::kReceiving) return 0;
  std::string& body = session->request.body;
  if (body.size() + length > ImplOf(wsi)->host->max_message_size()) {
    session->too_large = true;
    body = {};
  }
  if (!session->too_large) body.append(bytes, length);
  return 0;
}

int FinishBody(lws* wsi) {
  HttpSession* const session = HttpSessionOf(wsi);
  if (session == nullptr || session->stage != HttpSession::Stage::kReceiving) return 0;
  if (session->too_large) {
    HttpSocket(session).Reply({kHttpContentTooLarge,
                               "text/plain; charset=utf-8",
                               "the request is larger than " +
                                   std::to_string(ImplOf(wsi)->host->max_message_size()) +
                                   " bytes\n",
                               {}});
  } else {
    Hand(session);
  }
  return 0;
}

int ContinueHttp(lws* wsi) {
  HttpSession* const session = HttpSessionOf(wsi);
  if (session == nullptr) return 0;
  using Stage = HttpSession::Stage;
  switch (session->stage) {
    case Stage::kReceiving:
    case Stage::kWaiting:
      return 0;
    case Stage::kReplying:
      return WriteReply(session);
    case Stage::kStarting:
      if (WriteHead(session, LWS_ILLEGAL_HTTP_CONTENT_LEN) != 0) return -1;
      session->stage = Stage::kStreaming;
      // A stream may be silent for as long as it likes.
      lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
      lws_callback_on_writable(wsi);
      return 0;
    case Stage::kStreaming:
      if (lws_partial_buffered(wsi) == 0) session->peer->OnWritable();
      return 0;
    case Stage::kEnding:
      // The end of the connection is the end of the body.
      return lws_partial_buffered(wsi) == 0 ? -1 : 0;
  }
  return 0;
}

void CloseHttp(lws* wsi) {
  HttpSession* const session = HttpSessionOf(wsi);
  lws_set_opaque_user_data(wsi, nullptr);
  delete session;
}

void HttpSocket::Reply(HttpReply reply) {
  session_->reply = std::move(reply);
  session_->stage = HttpSession::Stage::kReplying;
  lws_callback_on_writable(session_->wsi);
}

void HttpSocket::StartStream(HttpReply reply) {
  session_->reply = std::move(reply);
  session_->stage = HttpSession::Stage::kStarting;
  lws_callback_on_writable(session_->wsi);
}

WriteResult HttpSocket::Write(unsigned char* bytes, size_t length) {
  return WriteBytes(session_->wsi, bytes, length);
}

bool HttpSocket::pending() const {
  return session_->stage == HttpSession::Stage::kStarting ||
         lws_partial_buffered(session_->wsi) != 0;
}

void HttpSocket::EndStream() {
  session_->stage = HttpSession::Stage::kEnding;
  lws_callback_on_writable(session_->wsi);
}

void HttpSocket::Abort() {
  lws_set_timeout(session_->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
  // With libuv, libwebsockets looks at its timeouts only after an event of its own, and a socket
  // whose peer does not read has none.
  shutdown(lws_get_socket_fd(session_->wsi), SHUT_RDWR);
}

std::string HttpSocket::Peer() const {
  return PeerOf(session_->wsi);
}

}  // namespace fsubs
