#include "worker/bus/memory/line_source.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "worker/base/log.hpp"
#include "worker/socket/listener.hpp"

namespace fsubs {
namespace {

constexpr size_t kChunk = 64 * 1024;
constexpr size_t kMostConnections = 64;
// How long what waits for room waits until it looks again.
constexpr uint64_t kAgainMs = 2;
// Answers that a writer does not read. One that leaves more is not read either.
constexpr size_t kMostUnsent = 256 * 1024;

bool IsSocket(int fd) {
  struct stat file {};
  return fstat(fd, &file) == 0 && S_ISSOCK(file.st_mode);
}

}  // namespace

// A writer at the Unix socket, or at a standard input that is a socket.
class LineSource::Connection {
 public:
  Connection(LineSource* source, int fd, bool is_input)
      : source_(source),
        is_input_(is_input),
        intake_(source->sink_, [this](bool, auto json) { Send(json); }) {
    uv_pipe_init(source->loop_, &pipe_, 0);
    pipe_.data = this;
    uv_pipe_open(&pipe_, fd);
    Read();
  }

  // Returns whether it waits for room still.
  bool Continue() {
    intake_.Continue();
    Settle();
    return intake_.waits();
  }

  void Close() {
    if (std::exchange(is_closed_, true)) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&pipe_), [](uv_handle_t* handle) {
      auto* const connection = static_cast<Connection*>(handle->data);
      connection->source_->Remove(connection);
    });
  }

 private:
  struct Write {
    uv_write_t request{};
    std::string bytes;
  };

  void Read() {
    is_reading_ = true;
    uv_read_start(
        reinterpret_cast<uv_stream_t*>(&pipe_),
        [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
          auto& chunk = static_cast<Connection*>(handle->data)->chunk_;
          *buffer = uv_buf_init(chunk.data(), chunk.size());
        },
        [](uv_stream_t* stream, ssize_t length, const uv_buf_t*) {
          static_cast<Connection*>(stream->data)->OnRead(length);
        });
  }

  void OnRead(ssize_t length) {
    if (length > 0) {
      intake_.Add({chunk_.data(), static_cast<size_t>(length)});
    } else if (length < 0) {
      is_ended_ = true;
      intake_.End();
    }
    Settle();
  }

  // Go on with what the intake and the writer allow.
  void Settle() {
    if (is_closed_) return;
    const bool waits = intake_.waits() || unsent_ > kMostUnsent;
    if (intake_.waits()) source_->LookAgain();
    if (is_ended_ || waits) {
      if (is_reading_) uv_read_stop(reinterpret_cast<uv_stream_t*>(&pipe_));
      is_reading_ = false;
    } else if (!is_reading_) {
      Read();
    }
    if (!is_ended_ || intake_.waits() || unsent_ > 0) return;
    if (is_input_) source_->sink_->OnEnd();
    Close();
  }

  void Send(std::string_view json) {
    if (is_closed_) return;
    auto* const write = new Write;
    write->bytes.append(json).append("\n");
    write->request.data = this;
    unsent_ += write->bytes.size();
    const uv_buf_t buffer =
        uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
    uv_write(&write->request, reinterpret_cast<uv_stream_t*>(&pipe_), &buffer, 1,
             [](uv_write_t* request, int) {
               const std::unique_ptr<Write> write(reinterpret_cast<Write*>(request));
               static_cast<Connection*>(request->data)->OnWritten(write->bytes.size());
             });
  }

  void OnWritten(size_t bytes) {
    unsent_ -= bytes;
    Settle();
  }

  LineSource* const source_;
  const bool is_input_;
  LineIntake intake_;
  uv_pipe_t pipe_{};
  std::array<char, kChunk> chunk_;
  size_t unsent_ = 0;
  bool is_reading_ = false;
  bool is_ended_ = false;
  bool is_closed_ = false;
};

// A standard input that is a pipe, a file or a terminal: libuv reads it on one of its threads,
// which works for all of them.
class LineSource::StandardInput {
 public:
  explicit StandardInput(LineSource* source)
      : source_(source), intake_(source->sink_, [](bool is_error, std::string_view json) {
          Log(is_error ? LogLevel::kWarning : LogLevel::kLog, "standard input: %.*s",
              static_cast<int>(std::min<size_t>(json.size(), 2000)), json.data());
        }) {
    request_.data = this;
    Read();
  }

  bool Continue() {
    intake_.Continue();
    if (intake_.waits()) return true;
    Proceed();
    return false;
  }

 private:
  void Read() {
    const uv_buf_t buffer = uv_buf_init(chunk_.data(), chunk_.size());
    uv_fs_read(source_->loop_, &request_, STDIN_FILENO, &buffer, 1, -1, [](uv_fs_t* request) {
      auto* const input = static_cast<StandardInput*>(request->data);
      const ssize_t result = request->result;
      uv_fs_req_cleanup(request);
      input->OnRead(result);
    });
  }

  void OnRead(ssize_t length) {
    if (source_->is_stopped_) return;
    if (length > 0) {
      intake_.Add({chunk_.data(), static_cast<size_t>(length)});
    } else if (length == UV_EAGAIN) {
      // Somebody else has made it not block.
      source_->LookAgain();
      return;
    } else {
      if (length < 0) {
        Log(LogLevel::kWarning, "standard input: %s", uv_strerror(static_cast<int>(length)));
      }
      is_ended_ = true;
      intake_.End();
    }
    if (intake_.waits()) {
      source_->LookAgain();
    } else {
      Proceed();
    }
  }

  void Proceed() {
    if (!is_ended_) {
      Read();
    } else {
      source_->sink_->OnEnd();
    }
  }

  LineSource* const source_;
  LineIntake intake_;
  uv_fs_t request_{};
  std::array<char, kChunk> chunk_;
  bool is_ended_ = false;
};

LineSource::LineSource(std::string place, int listener)
    : place_(std::move(place)), listener_(listener) {}

LineSource::~LineSource() = default;

std::string LineSource::Open() {
  if (listener_ >= 0 || place_ == "-") return {};
  std::string error;
  listener_ = OpenUnixListener(place_, SocketAccess::kOwner, &error);
  return listener_ >= 0 ? std::string() : "could not listen on \"" + place_ + "\": " + error;
}

void LineSource::Attach(uv_loop_t* loop, Sink* sink) {
  loop_ = loop;
  sink_ = sink;
  uv_timer_init(loop, &again_);
  again_.data = this;
  sink->OnState({.is_connected = true});
  if (listener_ >= 0) {
    accepting_ = UnixListener::Adopt(loop, listener_, [this](int fd) { Accept(fd); });
  } else if (IsSocket(STDIN_FILENO)) {
    connections_.push_back(std::make_unique<Connection>(this, STDIN_FILENO, true));
  } else {
    input_ = std::make_unique<StandardInput>(this);
  }
}

void LineSource::Accept(int fd) {
  if (is_stopped_ || connections_.size() >= kMostConnections) {
    Log(LogLevel::kWarning, "a writer of events is refused: %s",
        is_stopped_ ? "draining" : "there are too many");
    close(fd);
    return;
  }
  connections_.push_back(std::make_unique<Connection>(this, fd, false));
}

void LineSource::Remove(Connection* connection) {
  connections_.remove_if([&](const auto& owned) { return owned.get() == connection; });
}

void LineSource::LookAgain() {
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(&again_)) != 0) return;
  uv_timer_start(
      &again_, [](uv_timer_t* timer) { static_cast<LineSource*>(timer->data)->Continue(); },
      kAgainMs, 0);
}

void LineSource::Continue() {
  if (is_stopped_) return;
  for (const auto& connection : connections_) {
    if (connection->Continue()) LookAgain();
  }
  if (input_ && input_->Continue()) LookAgain();
}

void LineSource::Stop() {
  is_stopped_ = true;
  for (const auto& connection : connections_) connection->Close();
}

}  // namespace fsubs
