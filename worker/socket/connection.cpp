#include "worker/socket/connection.hpp"

#include <exception>
#include <utility>

#include "worker/base/log.hpp"
#include "worker/socket/http_session.hpp"

namespace fsubs {

Connection::Connection(ConnectionContext* context, Stream* stream,
                       std::optional<PeerCounts::Share> share)
    : context_(context),
      stream_(stream),
      share_(std::move(share)),
      session_(std::make_unique<HttpSession>(this)) {
  Expect(DeadlineKind::kHead);
}

Connection::~Connection() {
  ExpectNothing();
  if (soon_) context_->soon.Remove(this);
}

void Connection::OnBytes(std::span<unsigned char> bytes) {
  // What comes while the connection lingers is of no interest.
  if (session_) Run([&] { session_->OnBytes(bytes); });
}

void Connection::OnEnd() {
  ended_ = true;
  if (session_) {
    Run([&] { session_->OnEnd(); });
  } else if (pending() == 0) {
    Abort();
  }
}

void Connection::OnWritable() {
  if (session_) {
    Run([&] { session_->OnWritable(); });
  } else if (ended_) {
    Abort();
  }
}

void Connection::Soon() {
  if (soon_ || aborted_) return;
  soon_ = true;
  context_->soon.Add(this);
}

void Connection::OnSoon() {
  soon_ = false;
  if (session_) Run([&] { session_->OnSoon(); });
}

void Connection::OnLate() {
  if (session_) {
    Run([&] { session_->OnLate(); });
  } else {
    Abort();
  }
}

void Connection::Abort() {
  if (aborted_) return;
  aborted_ = true;
  ExpectNothing();
  stream_->Close();
}

void Connection::Linger() {
  lingers_ = true;
}

void Connection::Continue(std::unique_ptr<Session> session, std::string rest) {
  next_ = std::make_unique<Continuation>(Continuation{std::move(session), std::move(rest)});
}

template <typename Function>
void Connection::Run(Function function) {
  if (aborted_) return;
  try {
    function();
    Settle();
  } catch (const std::exception& error) {
    Fault(error.what());
  } catch (...) {
    Fault("of unknown type");
  }
}

void Connection::Fault(const char* what) {
  Log(LogLevel::kError, "closing a connection after an internal error: %s", what);
  try {
    if (session_) session_->OnFault();
    Settle();
  } catch (...) {
    Abort();
  }
}

void Connection::Settle() {
  if (next_ && !aborted_) {
    const auto next = std::move(next_);
    session_ = std::move(next->session);
    std::string& rest = next->rest;
    if (!rest.empty()) {
      session_->OnBytes({reinterpret_cast<unsigned char*>(rest.data()), rest.size()});
    }
  }
  if (!lingers_ || aborted_ || !session_) return;
  session_.reset();
  stream_->ShutDown();
  if (ended_ && pending() == 0) {
    Abort();
    return;
  }
  stream_->SetReading(true);
  Expect(DeadlineKind::kClose);
}

}  // namespace fsubs
