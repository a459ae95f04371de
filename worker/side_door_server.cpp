#include "worker/side_door_server.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <vector>

#include "worker/base/log.hpp"
#include "worker/json/json_number.hpp"
#include "worker/json/json_tree.hpp"
#include "worker/json/json_writer.hpp"

namespace fsubs {
namespace {

using side_door::FrameLength;
using side_door::SnapshotRequest;

constexpr int kBacklog = 64;
constexpr size_t kReadChunk = 64 * 1024;

enum class PeerKind { kBackend, kExecutor, kAuthenticator, kResolver };

// One connected process. Destroyed when libuv has closed its handle; until then `door` may be null.
struct Peer final : Door {
  // Door
  void Send(std::string_view bytes) override;
  void SetReading(bool reading) override;

  uv_pipe_t handle;
  SideDoorServer::Impl* door = nullptr;
  std::string input;
  PeerKind kind = PeerKind::kBackend;
  uint64_t resolver = 0;  // the host's number for it
  // Tells replies that come later whether the peer is still there.
  std::shared_ptr<Peer*> alive;
  std::unique_ptr<DoorUser> user;  // null: its frames are JSON
};

// A frame on its way out. libuv reads the bytes until OnWritten.
struct Write {
  uv_write_t request;
  std::string bytes;
};

}  // namespace

struct SideDoorServer::Impl {
  uv_loop_s* loop;
  SideDoorHost* host;
  uv_pipe_t* listener = nullptr;
  SnapshotRequest request = side_door::kUnasked;  // the last one
  std::vector<Peer*> peers;

  void Accept();
  void Send(Peer* peer, std::string_view frame);
  void Close(Peer* peer);
  void OnBytes(Peer* peer, std::string_view bytes);
  bool OnFrame(Peer* peer, std::string_view frame);
  bool OnMessage(Peer* peer, std::string_view json);
  bool OnSnapshot(JsonValue message);
  bool OnAuthenticated(JsonValue message);
  void GreetResolver(Peer* peer, bool is_executor);
  void AskForSnapshot(Peer* executor);
  SideDoorHost::Reply ReplyTo(Peer* peer, const std::string& op);
};

namespace {

void FreePeer(uv_handle_t* handle) {
  delete static_cast<Peer*>(handle->data);
}

void FreePipe(uv_handle_t* handle) {
  delete reinterpret_cast<uv_pipe_t*>(handle);
}

void OnWritten(uv_write_t* request, int) {
  delete static_cast<Write*>(request->data);
}

void AllocateRead(uv_handle_t*, size_t, uv_buf_t* buffer) {
  static thread_local char chunk[kReadChunk];
  *buffer = uv_buf_init(chunk, sizeof(chunk));
}

void OnRead(uv_stream_t* stream, ssize_t length, const uv_buf_t* buffer) {
  Peer* const peer = static_cast<Peer*>(stream->data);
  if (peer->door == nullptr || length == 0) return;
  if (length < 0) {
    peer->door->Close(peer);
    return;
  }
  try {
    peer->door->OnBytes(peer, {buffer->base, static_cast<size_t>(length)});
  } catch (const std::exception& error) {
    Log(LogLevel::kError, "closing a connection of a PostgreSQL process: %s", error.what());
    if (peer->door != nullptr) peer->door->Close(peer);
  }
}

void OnConnection(uv_stream_t* listener, int status) {
  if (status == 0) static_cast<SideDoorServer::Impl*>(listener->data)->Accept();
}

void Peer::Send(std::string_view bytes) {
  if (door != nullptr) door->Send(this, bytes);
}

void Peer::SetReading(bool reading) {
  auto* const stream = reinterpret_cast<uv_stream_t*>(&handle);
  if (door == nullptr) return;
  if (reading) {
    uv_read_start(stream, AllocateRead, OnRead);
  } else {
    uv_read_stop(stream);
  }
}

std::string Message(std::string_view op, std::string_view member, std::string_view value) {
  std::string message;
  JsonWriter json(&message);
  json.BeginObject();
  json.Key(side_door::member::kOp);
  json.String(op);
  if (!member.empty()) {
    json.Key(member);
    json.Raw(value);
  }
  json.EndObject();
  return message;
}

std::string ErrorMessage(std::string_view op, std::string_view error) {
  std::string text;
  JsonWriter(&text).String(error);
  return Message(op, side_door::member::kError, text);
}

}  // namespace

void SideDoorServer::Impl::Accept() {
  auto* const peer = new Peer;
  uv_pipe_init(loop, &peer->handle, 0);
  peer->handle.data = peer;
  if (uv_accept(reinterpret_cast<uv_stream_t*>(listener),
                reinterpret_cast<uv_stream_t*>(&peer->handle)) != 0) {
    uv_close(reinterpret_cast<uv_handle_t*>(&peer->handle), FreePeer);
    return;
  }
  peer->door = this;
  peer->alive = std::make_shared<Peer*>(peer);
  peers.push_back(peer);
  uv_read_start(reinterpret_cast<uv_stream_t*>(&peer->handle), AllocateRead, OnRead);
}

void SideDoorServer::Impl::Close(Peer* peer) {
  std::erase(peers, peer);
  *peer->alive = nullptr;
  peer->door = nullptr;
  peer->user = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&peer->handle), FreePeer);
  if (peer->kind == PeerKind::kExecutor) {
    Log(LogLevel::kDebug, "an executor has disconnected");
  } else if (peer->kind == PeerKind::kAuthenticator) {
    Log(LogLevel::kDebug, "an authenticator has disconnected");
    host->OnAuthenticatorGone();
  } else if (peer->kind == PeerKind::kResolver) {
    host->OnResolverGone(peer->resolver);
  }
}

void SideDoorServer::Impl::Send(Peer* peer, std::string_view frame) {
  auto* const write = new Write{};
  const auto length = static_cast<FrameLength>(frame.size());
  write->bytes.assign(reinterpret_cast<const char*>(&length), sizeof(length));
  write->bytes += frame;
  write->request.data = write;
  const uv_buf_t buffer =
      uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
  if (uv_write(&write->request, reinterpret_cast<uv_stream_t*>(&peer->handle), &buffer, 1,
               OnWritten) != 0) {
    delete write;
  }
}

void SideDoorServer::Impl::OnBytes(Peer* peer, std::string_view bytes) {
  peer->input += bytes;
  size_t at = 0;
  while (peer->input.size() - at >= sizeof(FrameLength)) {
    FrameLength length;
    std::memcpy(&length, peer->input.data() + at, sizeof(length));
    if (length > side_door::kMaxFrameLength) {
      Log(LogLevel::kWarning,
          "a PostgreSQL process sent a frame of %u bytes; closing its connection", length);
      Close(peer);
      return;
    }
    if (peer->input.size() - at - sizeof(length) < length) break;
    if (!OnFrame(peer, std::string_view(peer->input).substr(at + sizeof(length), length))) {
      Log(LogLevel::kWarning,
          "a PostgreSQL process sent a frame that is no message of this version; closing its "
          "connection");
      Close(peer);
      return;
    }
    at += sizeof(length) + length;
  }
  peer->input.erase(0, at);
}

SideDoorHost::Reply SideDoorServer::Impl::ReplyTo(Peer* peer, const std::string& op) {
  return [alive = peer->alive, op](const SideDoorHost::Answer& answer) {
    Peer* const asker = *alive;
    if (asker == nullptr) return;
    if (!answer.error.empty()) {
      asker->door->Send(asker, ErrorMessage(op, answer.error));
      return;
    }
    const std::string json = Message(op, side_door::member::kRows, answer.rows);
    const bool fits = json.size() <= side_door::kMaxFrameLength;
    asker->door->Send(asker, fits ? json : ErrorMessage(op, "there are too many rows to send"));
  };
}

bool SideDoorServer::Impl::OnFrame(Peer* peer, std::string_view frame) {
  return peer->user ? peer->user->OnBytes(frame) : OnMessage(peer, frame);
}

bool SideDoorServer::Impl::OnMessage(Peer* peer, std::string_view json) {
  JsonTree tree;
  if (!tree.ParseCopy(json) || tree.root().type() != JsonType::kObject) return false;
  const auto text = [&](std::string_view member, std::string* value) {
    const auto found = tree.root().Find(member);
    if (!found || found->type() != JsonType::kString) return false;
    *value = found->ToString();
    return true;
  };
  std::string op;
  if (!text(side_door::member::kOp, &op)) return false;
  if (op == side_door::op::kExecutor) {
    peer->kind = PeerKind::kExecutor;
    Log(LogLevel::kDebug, "an executor has connected");
    AskForSnapshot(peer);
    return true;
  }
  if (op == side_door::op::kAuthenticator) {
    peer->kind = PeerKind::kAuthenticator;
    Log(LogLevel::kDebug, "an authenticator has connected");
    host->OnAuthenticator();
    return true;
  }
  if (op == side_door::op::kResolver || op == side_door::op::kResolverLink) {
    if (peer->kind != PeerKind::kBackend) return false;
    GreetResolver(peer, op == side_door::op::kResolver);
    return true;
  }
  if (op == side_door::op::kExchange && peer->kind == PeerKind::kResolver) {
    return host->OnResolverMessage(peer->resolver, tree.root());
  }
  if (op == side_door::op::kLeave && peer->kind == PeerKind::kResolver) {
    host->OnResolverLeaves(peer->resolver);
    return true;
  }
  if (op == side_door::op::kAuthenticate && peer->kind == PeerKind::kAuthenticator) {
    return OnAuthenticated(tree.root());
  }
  if (op == side_door::op::kSnapshot && peer->kind == PeerKind::kExecutor) {
    std::string error;
    if (!text(side_door::member::kError, &error)) return OnSnapshot(tree.root());
    host->OnSnapshotError(error);
    return true;
  }
  SideDoorHost::Answer answer;
  peer->user = host->OnDoor(op, peer, &answer);
  if (peer->user || !answer.error.empty()) {
    ReplyTo(peer, op)(answer);
    return true;
  }
  return host->OnRequest(op, tree.root().Find(side_door::member::kArguments), ReplyTo(peer, op));
}

void SideDoorServer::Impl::GreetResolver(Peer* peer, bool is_executor) {
  peer->kind = PeerKind::kResolver;
  peer->resolver = host->OnResolver(is_executor, [alive = peer->alive](std::string_view json) {
    if (*alive != nullptr) (*alive)->door->Send(*alive, json);
  });
}

bool SideDoorServer::Impl::OnSnapshot(JsonValue message) {
  const auto snapshot = message.Find(side_door::member::kSnapshot);
  if (!snapshot) return false;
  SnapshotRequest answered = side_door::kUnasked;
  const auto number = message.Find(side_door::member::kRequest);
  if (number && !ReadInteger(number->raw(), &answered)) return false;
  host->OnSnapshot(answered, snapshot->raw());
  return true;
}

bool SideDoorServer::Impl::OnAuthenticated(JsonValue message) {
  uint64_t answered;
  const auto number = message.Find(side_door::member::kRequest);
  if (!number || !ReadInteger(number->raw(), &answered)) return false;
  const auto claims = message.Find(side_door::member::kClaims);
  if (claims && claims->type() != JsonType::kObject) return false;
  if (claims && claims->raw().size() > side_door::kMaxClaimsLength) return false;
  const auto error = message.Find(side_door::member::kError);
  if (error && error->type() != JsonType::kString) return false;
  // What has both is no answer to believe.
  host->OnAuthenticated(answered, claims && !error ? claims->raw() : std::string_view(),
                        error ? error->text() : std::string_view());
  return true;
}

void SideDoorServer::Impl::AskForSnapshot(Peer* executor) {
  Send(executor,
       Message(side_door::op::kSnapshot, side_door::member::kRequest, std::to_string(request)));
}

std::unique_ptr<SideDoorServer> SideDoorServer::Open(uv_loop_s* loop, SideDoorHost* host,
                                                     const std::string& path, std::string* error) {
  auto impl = std::make_unique<Impl>();
  impl->loop = loop;
  impl->host = host;
  impl->listener = new uv_pipe_t{};
  uv_pipe_init(loop, impl->listener, 0);
  impl->listener->data = impl.get();
  // The data directory belongs to one server, so a socket that is there has no owner any more.
  unlink(path.c_str());
  const mode_t mask = umask(S_IRWXG | S_IRWXO | S_IXUSR);
  const int result = uv_pipe_bind(impl->listener, path.c_str());
  umask(mask);
  auto door = std::unique_ptr<SideDoorServer>(new SideDoorServer(std::move(impl)));
  if (result != 0) {
    *error = uv_strerror(result);
    return nullptr;
  }
  return door;
}

SideDoorServer::SideDoorServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SideDoorServer::~SideDoorServer() {
  while (!impl_->peers.empty()) impl_->Close(impl_->peers.back());
  uv_close(reinterpret_cast<uv_handle_t*>(impl_->listener), FreePipe);
}

std::string SideDoorServer::Listen() {
  const int result =
      uv_listen(reinterpret_cast<uv_stream_t*>(impl_->listener), kBacklog, OnConnection);
  return result == 0 ? std::string() : uv_strerror(result);
}

void SideDoorServer::RequestSnapshot(SnapshotRequest request) {
  impl_->request = request;
  for (Peer* peer : impl_->peers) {
    if (peer->kind == PeerKind::kExecutor) {
      impl_->AskForSnapshot(peer);
      return;
    }
  }
}

bool SideDoorServer::is_idle() const {
  return std::all_of(impl_->peers.begin(), impl_->peers.end(), [](const Peer* peer) {
    return uv_stream_get_write_queue_size(reinterpret_cast<const uv_stream_t*>(&peer->handle)) == 0;
  });
}

bool SideDoorServer::SendAuthenticate(uint64_t number, std::string_view claims,
                                      std::string_view init_payload, std::string_view headers) {
  const auto last = std::find_if(impl_->peers.rbegin(), impl_->peers.rend(), [](const Peer* peer) {
    return peer->kind == PeerKind::kAuthenticator;
  });
  if (last == impl_->peers.rend()) return false;
  std::string message;
  JsonWriter json(&message);
  json.BeginObject();
  json.Key(side_door::member::kOp);
  json.String(side_door::op::kAuthenticate);
  json.Key(side_door::member::kRequest);
  json.Number(number);
  // As strings: what jsonb cannot hold must not make the message as a whole unreadable.
  if (!claims.empty()) {
    json.Key(side_door::member::kClaims);
    json.String(claims);
  }
  json.Key(side_door::member::kInitPayload);
  json.String(init_payload);
  json.Key(side_door::member::kHeaders);
  json.String(headers);
  json.EndObject();
  impl_->Send(*last, message);
  return true;
}

}  // namespace fsubs
