#include "worker/socket/tls_stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "test/unit/worker/socket/tls_peer.hpp"
#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class TlsStreamTest : public testing::Test {
 protected:
  // What the stream told its user.
  struct Told {
    std::string text;
    size_t pieces = 0;
    size_t longest = 0;
    bool ended = false;
    bool writable = false;
    bool broken = false;
    bool destroyed = false;
  };

  class User final : public StreamUser {
   public:
    User(Told* told, std::function<void()> on_bytes)
        : told_(told), on_bytes_(std::move(on_bytes)) {}
    ~User() override { told_->destroyed = true; }
    void OnBytes(std::span<unsigned char> bytes) override {
      told_->text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      ++told_->pieces;
      told_->longest = std::max(told_->longest, bytes.size());
      // It may.
      std::fill(bytes.begin(), bytes.end(), 0);
      if (on_bytes_) on_bytes_();
    }
    void OnEnd() override { told_->ended = true; }
    void OnWritable() override { told_->writable = true; }
    void OnBroken() override { told_->broken = true; }

   private:
    Told* const told_;
    const std::function<void()> on_bytes_;
  };

  static std::shared_ptr<const TlsContext> Context(const TlsSettings& settings) {
    std::string error;
    auto context = TlsContext::Make(settings, &error);
    EXPECT_EQ(error, "");
    return context;
  }
  static TlsSettings Settings() {
    static const TestCertificate own = MakeCertificate("server");
    return {.certificates = own.certificate, .key = own.key, .ciphers = "HIGH:!aNULL"};
  }

  // A client and the stream that serves it.
  void Connect(const TlsContext& context, int type = SOCK_STREAM) {
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds), 0);
    auto* const tcp = new TcpStream(loop_.get(), turns_.get(), &buffer_, fds[0]);
    auto tls = std::make_unique<TlsStream>(context, &shared_, tcp);
    stream_ = tls.get();
    told_ = {};
    tls->Start(std::make_unique<User>(&told_, [this] {
      if (on_bytes_) on_bytes_();
    }));
    tcp->Start(std::move(tls));
    peer_ = std::make_unique<TlsPeer>(fds[1]);
  }
  void Open(int type = SOCK_STREAM) {
    Connect(*context_, type);
    FinishHandshake();
  }
  // The client's end is not the server's: that has yet to read the last of it.
  void FinishHandshake() {
    RunUntil([&] {
      // An empty write sends nothing.
      return peer_->Handshake() && stream_->Write({}) != WriteResult::kBroken;
    });
  }
  void RunUntil(const std::function<bool()>& holds) {
    for (int turns = 0; !holds(); ++turns) {
      ASSERT_LT(turns, 100'000) << "it does not come to that";
      loop_.Turn();
    }
  }
  // Read until the server ends.
  void ReadToEnd() {
    RunUntil([&] {
      peer_->Read();
      return peer_->ended();
    });
  }
  void CloseAtEnd() {
    if (!told_.destroyed) stream_->Close();
    RunUntil([&] { return told_.destroyed; });
  }

  TcpStream::ReadBuffer buffer_ = TcpStream::ReadBuffer(4096);
  TestLoop loop_;
  std::unique_ptr<ReadTurns> turns_ = std::make_unique<ReadTurns>(loop_.get());
  TlsStream::Shared shared_{
      turns_.get(), std::vector<unsigned char>(4096), {}, [this] { ++refused_; }};
  int refused_ = 0;  // handshakes
  std::shared_ptr<const TlsContext> context_ = Context(Settings());
  Told told_;
  std::function<void()> on_bytes_;
  TlsStream* stream_ = nullptr;
  std::unique_ptr<TlsPeer> peer_;
};

TEST_F(TlsStreamTest, BytesComeAndGo) {
  Open();
  peer_->Write("hello");
  RunUntil([&] { return told_.text == "hello"; });
  EXPECT_EQ(stream_->Write("hi"), WriteResult::kSent);
  RunUntil([&] {
    peer_->Read();
    return peer_->text() == "hi";
  });
  EXPECT_EQ(stream_->pending(), 0u);
  CloseAtEnd();
}

TEST_F(TlsStreamTest, BytesMayComeOneByOne) {
  Connect(*context_);
  peer_->SetSegments(1);
  FinishHandshake();
  const std::string text(1000, 'x');
  peer_->Write(text);
  RunUntil([&] {
    peer_->Read();
    return told_.text == text;
  });
  CloseAtEnd();
}

TEST_F(TlsStreamTest, WhatOneWriteTakesLeavesInOneSend) {
  Open(SOCK_SEQPACKET);
  peer_->Read();  // the session ticket
  const size_t before = peer_->packets();
  const std::string text(40'000, 'x');  // three records
  EXPECT_EQ(stream_->Write(text), WriteResult::kSent);
  RunUntil([&] {
    peer_->Read();
    return peer_->text() == text;
  });
  EXPECT_EQ(peer_->packets() - before, 1u);
  CloseAtEnd();
}

TEST_F(TlsStreamTest, WhatASlowPeerDoesNotReadIsPending) {
  Open();
  const std::string text(8 << 20, 'x');
  EXPECT_EQ(stream_->Write(text), WriteResult::kPending);
  EXPECT_GT(stream_->pending(), 0u);
  EXPECT_GE(stream_->unacknowledged(), stream_->pending());
  EXPECT_EQ(stream_->Write("end"), WriteResult::kPending);
  EXPECT_FALSE(told_.writable);
  RunUntil([&] {
    peer_->Read();
    return told_.writable;
  });
  EXPECT_EQ(stream_->pending(), 0u);
  RunUntil([&] {
    peer_->Read();
    return peer_->text().size() == text.size() + 3;
  });
  EXPECT_EQ(peer_->text(), text + "end");
  CloseAtEnd();
}

TEST_F(TlsStreamTest, ALargeRecordIsDeliveredInPieces) {
  Open();
  const std::string text(16'000, 'x');
  peer_->Write(text);
  RunUntil([&] { return told_.text == text; });
  EXPECT_LE(told_.longest, 4096u);
  CloseAtEnd();
}

TEST_F(TlsStreamTest, AUserThatDoesNotReadIsToldNothing) {
  Open();
  on_bytes_ = [&] { stream_->SetReading(false); };
  const std::string text(60'000, 'x');
  peer_->Write(text);
  size_t pieces = 0;
  while (told_.text.size() < text.size()) {
    RunUntil([&] { return told_.pieces > pieces; });
    pieces = told_.pieces;
    for (int turns = 0; turns < 10; ++turns) loop_.Turn();
    ASSERT_EQ(told_.pieces, pieces) << "while it does not read";
    stream_->SetReading(true);
    ASSERT_EQ(told_.pieces, pieces) << "from inside a function of the stream";
  }
  EXPECT_EQ(told_.text, text);
  CloseAtEnd();
}

TEST_F(TlsStreamTest, AStreamMayBeClosedFromInsideOnBytes) {
  Open();
  on_bytes_ = [&] { stream_->Close(); };
  peer_->Write(std::string(16'000, 'x'));
  RunUntil([&] { return told_.destroyed; });
  EXPECT_EQ(told_.pieces, 1u);
  EXPECT_FALSE(told_.broken);
}

TEST_F(TlsStreamTest, OneThatWaitsForATurnMayBeClosed) {
  Open();
  on_bytes_ = [&] { stream_->SetReading(false); };
  peer_->Write(std::string(16'000, 'x'));
  RunUntil([&] { return told_.pieces == 1; });
  stream_->SetReading(true);
  stream_->Close();
  RunUntil([&] { return told_.destroyed; });
  EXPECT_EQ(told_.pieces, 1u);
}

TEST_F(TlsStreamTest, AnEndedPeerCanStillBeWrittenTo) {
  Open();
  peer_->Write("request");
  peer_->SayGoodbye();
  RunUntil([&] { return told_.ended; });
  EXPECT_EQ(told_.text, "request");
  EXPECT_EQ(stream_->Write("reply"), WriteResult::kSent);
  stream_->ShutDown();
  EXPECT_EQ(stream_->Write("more"), WriteResult::kBroken);
  ReadToEnd();
  EXPECT_EQ(peer_->text(), "reply");
  EXPECT_TRUE(peer_->was_told_the_end());
  CloseAtEnd();
}

TEST_F(TlsStreamTest, WhatIsPendingLeavesBeforeTheEnd) {
  Open();
  const std::string text(8 << 20, 'x');
  EXPECT_EQ(stream_->Write(text), WriteResult::kPending);
  stream_->ShutDown();
  ReadToEnd();
  EXPECT_EQ(peer_->text(), text);
  EXPECT_TRUE(peer_->was_told_the_end());
  CloseAtEnd();
}

TEST_F(TlsStreamTest, APeerMayGoOnSendingBehindOurEnd) {
  Open();
  stream_->ShutDown();
  peer_->Write("late");
  RunUntil([&] { return told_.text == "late"; });
  CloseAtEnd();
}

TEST_F(TlsStreamTest, AnEndThatWasNotAnnouncedIsAnEnd) {
  Open();
  peer_->Write("request");
  shutdown(peer_->fd(), SHUT_WR);
  RunUntil([&] { return told_.ended; });
  EXPECT_EQ(told_.text, "request");
  EXPECT_FALSE(told_.broken);
  CloseAtEnd();
}

TEST_F(TlsStreamTest, AnEndInsideARecordLosesNoneBefore) {
  Open();
  peer_->Write("whole");
  const std::string record = peer_->Seal("half");
  peer_->SendRaw(record.substr(0, record.size() - 1));
  shutdown(peer_->fd(), SHUT_WR);
  RunUntil([&] { return told_.ended; });
  EXPECT_EQ(told_.text, "whole");
  CloseAtEnd();
}

TEST_F(TlsStreamTest, AnEndDuringTheHandshakeIsAnEnd) {
  Connect(*context_);
  shutdown(peer_->fd(), SHUT_WR);
  RunUntil([&] { return told_.ended; });
  EXPECT_EQ(stream_->Write("early"), WriteResult::kBroken);
  stream_->ShutDown();
  CloseAtEnd();
}

TEST_F(TlsStreamTest, ARecordThatWasTamperedWithBreaksTheConnection) {
  Open();
  std::string record = peer_->Seal("text");
  record.back() ^= 1;
  peer_->SendRaw(record);
  RunUntil([&] { return told_.destroyed; });
  EXPECT_TRUE(told_.broken);
  EXPECT_EQ(told_.text, "");
}

TEST_F(TlsStreamTest, WhoeverIsClosedOnIsTold) {
  Open();
  stream_->Close();
  ReadToEnd();
  EXPECT_TRUE(peer_->was_told_the_end());
}

TEST_F(TlsStreamTest, GarbageIsAnsweredByAnAlert) {
  Connect(*context_);
  peer_->SendRaw("\x16\x03\x01\x7f\xff garbage that is no handshake");
  RunUntil([&] {
    peer_->ReceiveAll();
    return peer_->ended();
  });
  EXPECT_THAT(peer_->raw(), StartsWith("\x15\x03"));
  EXPECT_EQ(refused_, 1);
  EXPECT_FALSE(told_.destroyed) << "before the peer has read it";
  peer_->SendRaw("and more of it");
  shutdown(peer_->fd(), SHUT_WR);
  RunUntil([&] { return told_.destroyed; });
  EXPECT_TRUE(told_.broken);
  EXPECT_EQ(told_.pieces, 0u);
}

TEST_F(TlsStreamTest, OneWhoseHandshakeFailedMayBeClosed) {
  Connect(*context_);
  peer_->SendRaw("garbage that is no handshake");
  RunUntil([&] {
    peer_->ReceiveAll();
    return peer_->ended();
  });
  CloseAtEnd();
  EXPECT_FALSE(told_.broken);
}

TEST_F(TlsStreamTest, PlainHttpIsToldThatTheServerSpeaksTls) {
  for (const char* const method : {"GET", "POST", "HEAD", "PUT"}) {
    Connect(*context_);
    peer_->SendRaw(std::string(method) + " / HTTP/1.1\r\nHost: x\r\n\r\n");
    RunUntil([&] {
      peer_->ReceiveAll();
      return peer_->ended();
    });
    EXPECT_THAT(peer_->raw(), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
    EXPECT_THAT(peer_->raw(), HasSubstr("connection: close\r\n"));
    CloseAtEnd();
  }
}

TEST_F(TlsStreamTest, OlderVersionsAreRefused) {
  TlsSettings settings = Settings();
  settings.min_version = TlsVersion::k1_3;
  Connect(*Context(settings));
  SSL_set_max_proto_version(peer_->session(), TLS1_2_VERSION);
  RunUntil([&] { return peer_->ended() || peer_->Handshake(); });
  EXPECT_FALSE(peer_->Handshake());
  EXPECT_THAT(peer_->raw(), StartsWith("\x15\x03"));
  CloseAtEnd();
}

TEST_F(TlsStreamTest, HttpIsAgreedOn) {
  Connect(*context_);
  static constexpr unsigned char kOffer[] = "\x02h2\x08http/1.1";
  SSL_set_alpn_protos(peer_->session(), kOffer, sizeof(kOffer) - 1);
  RunUntil([&] { return peer_->Handshake(); });
  const unsigned char* agreed = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(peer_->session(), &agreed, &length);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(agreed), length), "http/1.1");
  CloseAtEnd();
}

TEST_F(TlsStreamTest, WhoSpeaksNoHttpWeKnowIsRefused) {
  Connect(*context_);
  static constexpr unsigned char kOffer[] = "\x02h2";
  SSL_set_alpn_protos(peer_->session(), kOffer, sizeof(kOffer) - 1);
  RunUntil([&] { return peer_->ended() || peer_->Handshake(); });
  EXPECT_FALSE(peer_->Handshake());
  CloseAtEnd();
}

TEST_F(TlsStreamTest, NobodyRenegotiates) {
  Connect(*context_);
  SSL_set_max_proto_version(peer_->session(), TLS1_2_VERSION);
  FinishHandshake();
  EXPECT_EQ(SSL_renegotiate(peer_->session()), 1);
  SSL_do_handshake(peer_->session());
  peer_->SayGoodbye();  // sends what the handshake left, too
  RunUntil([&] {
    peer_->Read();
    return told_.ended || told_.destroyed;
  });
  EXPECT_EQ(SSL_num_renegotiations(peer_->session()), 1) << "asked for";
  EXPECT_NE(SSL_is_init_finished(peer_->session()), 1) << "and not done";
  CloseAtEnd();
}

class TlsTicketTest : public TlsStreamTest, public testing::WithParamInterface<int> {
 protected:
  // Connects with what the connection before left, and returns whether that was taken.
  bool Resume(const TlsContext& context) {
    SSL_SESSION* const session = SSL_get1_session(peer_->session());
    CloseAtEnd();
    Connect(context);
    SSL_set_max_proto_version(peer_->session(), GetParam());
    SSL_set_session(peer_->session(), session);
    SSL_SESSION_free(session);
    RunUntil([&] { return peer_->Handshake(); });
    peer_->Write("x");
    RunUntil([&] { return told_.text == "x"; });
    peer_->Read();
    return SSL_session_reused(peer_->session()) == 1;
  }
};

TEST_P(TlsTicketTest, WhoComesBackSkipsHalfTheHandshake) {
  Connect(*context_);
  SSL_set_max_proto_version(peer_->session(), GetParam());
  FinishHandshake();
  EXPECT_EQ(stream_->Write("hi"), WriteResult::kSent);
  RunUntil([&] {
    peer_->Read();  // the ticket comes before it
    return peer_->text() == "hi";
  });
  EXPECT_TRUE(Resume(*context_));
  EXPECT_TRUE(Resume(*context_));
  EXPECT_FALSE(Resume(*Context(Settings()))) << "with another certificate, perhaps";
  CloseAtEnd();
}

INSTANTIATE_TEST_SUITE_P(Versions, TlsTicketTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& info) {
                           return info.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

class ClientCertificateTest : public TlsStreamTest {
 protected:
  // Whether a client with that certificate is served.
  bool IsServed(const TestCertificate* own) {
    TlsSettings settings = Settings();
    settings.client_ca = trusted_.certificate + other_trusted_.certificate;
    Connect(*Context(settings));
    if (own != nullptr) peer_->UseCertificate(*own);
    RunUntil([&] { return peer_->Handshake(); });
    peer_->Write("x");
    RunUntil([&] {
      peer_->Read();
      return told_.text == "x" || peer_->ended();
    });
    const bool served = told_.text == "x";
    CloseAtEnd();
    return served;
  }

  const TestCertificate trusted_ = MakeCertificate("trusted");
  const TestCertificate other_trusted_ = MakeCertificate("other");
};

TEST_F(ClientCertificateTest, ClientsPresentOneThatIsTrusted) {
  EXPECT_TRUE(IsServed(&trusted_));
  EXPECT_TRUE(IsServed(&other_trusted_));
}

TEST_F(ClientCertificateTest, WithoutOneNobodyIsServed) {
  EXPECT_FALSE(IsServed(nullptr));
}

TEST_F(ClientCertificateTest, OneOfTheSameNameIsNotTrusted) {
  const TestCertificate forged = MakeCertificate("trusted");
  EXPECT_FALSE(IsServed(&forged));
}

TEST_F(ClientCertificateTest, OneThatHasExpiredIsNotTrusted) {
  const TestCertificate expired = MakeCertificate("expired", 3600);
  TlsSettings settings = Settings();
  settings.client_ca = expired.certificate;
  Connect(*Context(settings));
  peer_->UseCertificate(expired);
  RunUntil([&] { return peer_->Handshake(); });
  RunUntil([&] {
    peer_->Read();
    return peer_->ended();
  });
  EXPECT_EQ(told_.pieces, 0u);
  CloseAtEnd();
}

class TlsContextTest : public testing::Test {
 protected:
  std::string ErrorOf(const TlsSettings& settings) {
    std::string error;
    const auto context = TlsContext::Make(settings, &error);
    EXPECT_EQ(context == nullptr, !error.empty());
    return error;
  }

  const TestCertificate own_ = MakeCertificate("server");
  const TlsSettings good_{
      .certificates = own_.certificate, .key = own_.key, .ciphers = "HIGH:!aNULL"};
};

TEST_F(TlsContextTest, ACertificateMayHaveAChainBehindIt) {
  TlsSettings settings = good_;
  settings.certificates += MakeCertificate("chain").certificate;
  EXPECT_EQ(ErrorOf(settings), "");
}

TEST_F(TlsContextTest, WhatCannotBeUsedIsNamed) {
  const auto with = [&](auto change) {
    TlsSettings settings = good_;
    change(&settings);
    return ErrorOf(settings);
  };
  EXPECT_THAT(with([](TlsSettings* s) { s->certificates = "x"; }),
              StartsWith("fraiseql_subs.ssl_cert_file cannot be used: it has no certificate"));
  EXPECT_THAT(with([](TlsSettings* s) {
                s->certificates += "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
              }),
              StartsWith("fraiseql_subs.ssl_cert_file cannot be used: "));
  EXPECT_THAT(with([](TlsSettings* s) { s->key = ""; }),
              StartsWith("fraiseql_subs.ssl_key_file cannot be used: it has no private key"));
  EXPECT_THAT(with([](TlsSettings* s) { s->key = MakeCertificate("other").key; }),
              StartsWith("fraiseql_subs.ssl_key_file cannot be used: key values mismatch"));
  EXPECT_THAT(with([](TlsSettings* s) { s->key = MakeCertificate("other", 86400, "secret").key; }),
              HasSubstr("ssl_key_file cannot be used: it is protected by a passphrase"));
  EXPECT_THAT(with([](TlsSettings* s) { s->ciphers = "NONSENSE"; }),
              StartsWith("fraiseql_subs.ssl_ciphers cannot be used: no cipher match"));
  EXPECT_THAT(with([](TlsSettings* s) { s->client_ca = "x"; }),
              StartsWith("fraiseql_subs.ssl_ca_file cannot be used: it has no certificate"));
}

TEST_F(TlsContextTest, OneThatHasExpiredIsNoticed) {
  std::string error;
  EXPECT_FALSE(TlsContext::Make(good_, &error)->is_expired());
  const TestCertificate old = MakeCertificate("old", 3600);
  const auto context = TlsContext::Make(
      {.certificates = old.certificate, .key = old.key, .ciphers = "HIGH"}, &error);
  ASSERT_EQ(error, "");
  EXPECT_TRUE(context->is_expired());
  EXPECT_THAT(context->valid_until(), HasSubstr("GMT"));
}

}  // namespace
}  // namespace fsubs
