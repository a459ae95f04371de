// A whole connection: requests, pipelined or not, a WebSocket behind them, in segments, with peers
// that stop to read and owners that reply late. The same bytes in other segments must be answered
// by the same bytes.
//
// Input: a byte of options, a byte for the segments' sizes, then what the client sends.
#include <uv.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "test/unit/worker/socket/memory_stream.hpp"
#include "worker/socket/close_code.hpp"
#include "worker/socket/connection.hpp"
#include "worker/socket/ws_frame.hpp"

using namespace fsubs;

namespace {

constexpr const char* kSubprotocols[] = {"graphql-transport-ws", "graphql-ws"};
constexpr size_t kMaxMessage = 4096;

void Require(bool holds) {
  if (!holds) __builtin_trap();
}

// Answers every message by its length, and closes as the protocol asks for.
class Echo final : public WsPeer {
 public:
  explicit Echo(WsTransport* socket) : socket_(socket) {}

  void OnText(std::string_view message) override {
    Require(message.size() <= kMaxMessage && !closing_);
    Send(Opcode::kText, std::to_string(message.size()));
  }
  void OnBinary() override { Close(kCloseBadRequest); }
  void OnTooBig() override { Close(kCloseMessageTooBig); }
  void OnPing(std::string_view payload) override {
    Require(payload.size() <= 125);
    Send(Opcode::kPong, payload);
  }
  void OnClose(uint16_t code, std::string_view) override {
    Require(code >= 1000 && code < 5000);
    Close(code);
  }
  void OnHeard() override {}
  void OnWritable() override {}

 private:
  void Send(Opcode opcode, std::string_view payload) {
    if (closing_) return;
    std::string frame;
    AppendFrameHeader(opcode, payload.size(), &frame);
    (void)socket_->Write(frame.append(payload));
  }
  void Close(uint16_t code) {
    Send(Opcode::kClose, code == kCloseNoStatus ? std::string() : CloseCodeBytes(code));
    closing_ = true;
    socket_->ExpectClose();
  }

  WsTransport* const socket_;
  bool closing_ = false;
};

// Replies at once, or when it is told to.
class Owner final : public HttpPeer {
 public:
  Owner(HttpSocket socket, std::vector<Owner*>* waiting) : socket_(socket), waiting_(waiting) {}
  ~Owner() override { std::erase(*waiting_, this); }

  void OnRequest(HttpRequest request) override {
    Require(request.body.size() <= kMaxMessage);
    Require(request.path.starts_with("/") || request.path == "*");
    Require(request.body.empty() || request.method == HttpMethod::kPost ||
            request.method == HttpMethod::kOther);
    request_ = std::move(request);
    if (request_.path.starts_with("/late")) {
      waiting_->push_back(this);
    } else {
      Answer();
    }
  }
  void OnWritable() override {}

  void Answer() {
    HttpReply reply;
    reply.body = request_.path + std::to_string(request_.body.size());
    if (!request_.path.ends_with("stream")) {
      socket_.Reply(reply);
      return;
    }
    socket_.StartStream(reply);
    (void)socket_.Write(reply.body);
    socket_.EndStream();
  }

 private:
  HttpSocket socket_;
  HttpRequest request_;
  std::vector<Owner*>* const waiting_;
};

class Host final : public SocketServerHost {
 public:
  std::optional<HttpReply> OnUpgrade(const HttpRequest& handshake) override {
    if (handshake.origin != "http://refused") return std::nullopt;
    return HttpReply{.status = kHttpForbidden};
  }
  std::unique_ptr<WsPeer> OnOpen(WsTransport* socket, std::string_view, HttpRequest) override {
    return std::make_unique<Echo>(socket);
  }
  std::unique_ptr<HttpPeer> OnHttp(HttpSocket socket) override {
    return std::make_unique<Owner>(socket, &waiting);
  }
  size_t max_message_size() const override { return kMaxMessage; }
  bool wants_headers() const override { return true; }
  PeerLimits peer_limits() const override { return {}; }
  void OnPeerRefused() override {}
  HttpReply OnPeerLimited(const HttpRequest&, const std::string&, const PeerRefusal&) override {
    return {};
  }
  void OnHandshakeFailed() override {}

  std::vector<Owner*> waiting;
};

// Dates differ, and nobody is told to go on who has sent the body already.
std::string Comparable(std::string bytes) {
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  for (size_t at = 0; (at = bytes.find("\r\ndate: ", at)) != std::string::npos;) {
    bytes.erase(at, bytes.find("\r\n", at + 2) - at);
  }
  for (size_t at = 0; (at = bytes.find(kContinue, at)) != std::string::npos;) {
    bytes.erase(at, kContinue.size());
  }
  return bytes;
}

// What comes back for `input`, cut into segments of up to `segment` bytes.
std::string Talk(std::string_view input, size_t segment, uint8_t options) {
  static uv_loop_t* const loop = uv_default_loop();
  static Host host;
  static ConnectionContext context{&host, kSubprotocols, Deadlines(loop), SoonList(loop)};
  static PeerCounts peers;
  MemoryStream stream;
  const sockaddr_storage address{.ss_family = AF_INET};
  auto connection =
      std::make_unique<Connection>(&context, &stream, *peers.Admit(address, PeerLimits(), 0));
  const auto settle = [&] {
    for (int turns = 0; turns < 100; ++turns) {
      uv_run(loop, UV_RUN_NOWAIT);
      if (stream.Drain()) connection->OnWritable();
      const auto waiting = host.waiting;
      for (Owner* const owner : waiting) {
        std::erase(host.waiting, owner);
        owner->Answer();
      }
    }
  };
  for (size_t turn = 0; !input.empty() && !stream.closed(); ++turn) {
    stream.SetStuck((options & 1) != 0 && turn % 2 == 0);
    if (stream.reading()) {
      std::string bytes(input.substr(0, std::min(input.size(), segment)));
      input.remove_prefix(bytes.size());
      connection->OnBytes({reinterpret_cast<unsigned char*>(bytes.data()), bytes.size()});
    }
    uv_run(loop, UV_RUN_NOWAIT);
    if (stream.Drain() && !stream.closed()) connection->OnWritable();
    if (!stream.reading()) settle();
  }
  stream.SetStuck(false);
  if (!stream.closed()) settle();
  if (!stream.closed()) connection->OnEnd();
  settle();
  connection.reset();
  return Comparable(stream.sent());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  // With an end to the last head: what is wrong in one without is told sooner or later.
  const std::string input =
      std::string(reinterpret_cast<const char*>(data) + 2, size - 2) + "\r\n\r\n";
  const std::string whole = Talk(input, input.size(), data[0]);
  const std::string cut = Talk(input, data[1] % 64 + 1, data[0]);
  Require(whole == cut);
  return 0;
}
