#include "worker/socket/tls_stream.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <utility>

#include "worker/base/log.hpp"
#include "worker/socket/http_reply.hpp"

namespace fsubs {
namespace {

// Kept for the next write.
constexpr size_t kMaxSealed = 256 * 1024;

std::string ReplyToPlainHttp() {
  HttpReply reply;
  reply.status = kHttpBadRequest;
  reply.body = "a plain HTTP request came to a port that speaks TLS: use https or wss\n";
  return FormatReply(reply, ReplyBody::kWhole, /*keep_alive=*/false);
}

}  // namespace

BIO_METHOD* TlsStream::BioMethod() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_write(made, [](BIO* bio, const char* bytes, int length) {
      return static_cast<TlsStream*>(BIO_get_data(bio))->TakeSealed(bytes, length);
    });
    BIO_meth_set_read(made, [](BIO* bio, char* to, int length) {
      BIO_clear_retry_flags(bio);
      const int given = static_cast<TlsStream*>(BIO_get_data(bio))->GiveReceived(to, length);
      if (given < 0) BIO_set_retry_read(bio);
      return given;
    });
    BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long {
      return command == BIO_CTRL_FLUSH ? 1 : 0;
    });
    BIO_meth_set_create(made, [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    return made;
  }();
  return method;
}

TlsStream::TlsStream(const TlsContext& context, Shared* shared, TcpStream* tcp)
    : shared_(shared), tcp_(tcp), session_(context.NewSession()) {
  BIO* const bio = session_ ? BIO_new(BioMethod()) : nullptr;
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  SSL_set_bio(session_.get(), bio, bio);
  SSL_set_accept_state(session_.get());
}

TlsStream::~TlsStream() = default;

// An exception must not pass through OpenSSL.
int TlsStream::TakeSealed(const char* bytes, int length) {
  try {
    shared_->sealed.append(bytes, static_cast<size_t>(length));
    return length;
  } catch (const std::exception&) {
    return -1;
  }
}

int TlsStream::GiveReceived(char* to, int length) {
  if (received_.empty()) return -1;
  const size_t given = std::min(received_.size(), static_cast<size_t>(length));
  std::memcpy(to, received_.data(), given);
  received_.remove_prefix(given);
  return static_cast<int>(given);
}

// What OpenSSL has to say leaves at once. That the connection is broken the TCP stream tells its
// user, whoever asked for the write.
WriteResult TlsStream::Flush() {
  std::string& sealed = shared_->sealed;
  if (sealed.empty()) return pending() > 0 ? WriteResult::kPending : WriteResult::kSent;
  const WriteResult result = tcp_->Write(sealed);
  if (sealed.capacity() > kMaxSealed) {
    std::string().swap(sealed);
  } else {
    sealed.clear();
  }
  return result;
}

void TlsStream::OnBytes(std::span<unsigned char> bytes) {
  if (stage_ == Stage::kBroken) Break();
  if (stage_ == Stage::kRefused || stage_ == Stage::kClosed) return;
  // While some is unread, none is received.
  const auto unread = std::move(unread_);
  received_ = unread ? std::string_view(*unread)
                     : std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (Handshake()) Deliver();
  if (stage_ != Stage::kOpen) {
    received_ = {};
    return;
  }
  if (!received_.empty() && !Keep()) return;
  received_ = {};
  if (!reading_) return;
  const bool more = unread_ || SSL_pending(session_.get()) > 0;
  tcp_->SetReading(!more);
  if (more) tcp_->AskForTurn();
}

bool TlsStream::Keep() {
  try {
    unread_ = std::make_unique<std::string>(received_);
    return true;
  } catch (const std::bad_alloc&) {
    Break();
    return false;
  }
}

bool TlsStream::Handshake() {
  if (stage_ == Stage::kOpen) return true;
  ERR_clear_error();
  const int result = SSL_do_handshake(session_.get());
  if (result == 1) {
    stage_ = Stage::kOpen;
    tcp_->SetTurns(shared_->turns);
  } else if (SSL_get_error(session_.get(), result) != SSL_ERROR_WANT_READ) {
    Refuse();
  }
  (void)Flush();
  return stage_ == Stage::kOpen;
}

// The peer learns why by an alert. It reads that only if the connection is not closed over what it
// still sends, so it is left to the deadline of who waits for a request.
void TlsStream::Refuse() {
  stage_ = Stage::kRefused;
  const unsigned long error = ERR_peek_error();
  if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST) {
    shared_->sealed = ReplyToPlainHttp();
  }
  const char* const reason = ERR_reason_error_string(error);
  Log(LogLevel::kDebug, "the TLS handshake with %s failed: %s", Peer().c_str(),
      reason != nullptr ? reason : "OpenSSL does not say why");
  ERR_clear_error();
  (void)Flush();
  session_.reset();
  tcp_->ShutDown();
  shared_->on_refused();
}

void TlsStream::Deliver() {
  std::vector<unsigned char>& plain = shared_->plain;
  // More than that is for another turn: a record can hold several times as much as is received at a
  // time.
  for (size_t delivered = 0; stage_ == Stage::kOpen && reading_ && delivered < plain.size();) {
    size_t length = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(session_.get(), plain.data(), plain.size(), &length);
    const int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(session_.get(), result);
    (void)Flush();
    if (error == SSL_ERROR_NONE) {
      delivered += length;
      user_->OnBytes({plain.data(), length});
    } else if (error == SSL_ERROR_WANT_READ) {
      return;
    } else if (error == SSL_ERROR_ZERO_RETURN) {
      received_ = {};
      OnEnd();
      return;
    } else {
      Break();
    }
  }
}

void TlsStream::Break() {
  ERR_clear_error();
  stage_ = Stage::kClosed;
  user_->OnBroken();
  tcp_->Close();
}

// An end that was not announced is an end, too: what is served says by itself whether it is whole.
void TlsStream::OnEnd() {
  if (stage_ == Stage::kRefused) {
    Break();
  } else if (!ended_ && stage_ != Stage::kClosed) {
    ended_ = true;
    user_->OnEnd();
  }
}

void TlsStream::OnWritable() {
  if (stage_ == Stage::kOpen) user_->OnWritable();
}

WriteResult TlsStream::Write(std::string_view bytes) {
  if (stage_ != Stage::kOpen || shut_) return WriteResult::kBroken;
  ERR_clear_error();
  size_t taken = 0;
  if (!bytes.empty() && SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &taken) != 1) {
    shared_->sealed.clear();
    stage_ = Stage::kBroken;
    tcp_->AskForTurn();
    return WriteResult::kBroken;
  }
  return Flush();
}

void TlsStream::SetReading(bool reading) {
  reading_ = reading;
  if (stage_ != Stage::kOpen) return;
  const bool more = unread_ || SSL_pending(session_.get()) > 0;
  tcp_->SetReading(reading && !more);
  if (reading && more) tcp_->AskForTurn();
}

void TlsStream::SayGoodbye() {
  if (stage_ != Stage::kOpen) return;
  ERR_clear_error();
  SSL_shutdown(session_.get());
  (void)Flush();
}

void TlsStream::ShutDown() {
  if (shut_) return;
  SayGoodbye();
  shut_ = true;
  tcp_->ShutDown();
}

void TlsStream::Close() {
  if (stage_ == Stage::kClosed) return;
  // Behind what is pending it would be dropped with that.
  if (!shut_ && pending() == 0) SayGoodbye();
  stage_ = Stage::kClosed;
  tcp_->Close();
}

}  // namespace fsubs
