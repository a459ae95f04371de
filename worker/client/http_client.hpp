// A client by HTTP: one request and its reply, or one operation's stream of server-sent events
// (GraphQL over SSE, distinct connections mode).
#pragma once

#include <string>
#include <string_view>

#include "worker/client/client.hpp"
#include "worker/client/graphql_http.hpp"
#include "worker/socket/socket_server.hpp"

namespace fsubs {

class HttpClient final : public Client, public HttpPeer {
 public:
  HttpClient(ClientHost* host, HttpSocket socket, uint64_t id);
  ~HttpClient() override;

  // HttpPeer
  void OnRequest(HttpRequest request) override;
  void OnWritable() override { OnSocketTakesMore(); }

  // Client
  void Handle(std::string_view message) override;
  void OnAuthenticated(std::shared_ptr<const Identity> identity,
                       const std::string& reason) override;
  void OnUndecided(const std::string& reason) override;
  void OnLimited(LimitKey limit) override;
  bool is_connection() const override { return type_ == ResponseType::kEventStream; }
  void OnKeepalive() override;
  void OnOptionsChanged() override;
  void Drain() override;
  bool Disconnect(uint16_t code, std::string_view reason) override;
  std::string peer() const override { return socket_.Peer(); }
  void CutOff() override { socket_.Abort(); }

 private:
  enum class Stage : uint8_t { kReading, kHeld, kAuthenticating, kStreaming, kEnded };

  // Client
  Status Describe() const override;
  std::string ResponseHead(std::string_view) const override { return {}; }
  void SendResponse(std::string_view head, std::string_view response, uint64_t sequence) override;
  void SendErrors(std::string_view id, const std::vector<Error>& errors) override;
  bool closing() const override { return stage_ != Stage::kStreaming; }
  size_t unsent() const override { return socket_.pending(); }
  size_t unacknowledged() const override { return socket_.unacknowledged(); }
  bool can_write() const override { return stage_ == Stage::kStreaming && unsent() == 0; }
  WriteResult Write(std::string_view bytes) override { return socket_.Write(bytes); }
  void OnFlushed(WriteResult result) override;
  void CloseSlow() override;

  void OnGraphqlRequest(HttpRequest request);
  bool TakeRequest();
  void RefuseAsUnavailable(ResponseType type);
  void Authenticate();
  void Execute();
  void StartStream();
  void Stream(const StartResult& result);
  void Reply(HttpReply reply);
  void AddOriginHeaders(HttpReply* reply) const;
  void Append(std::string_view bytes);
  void Complete();
  void End();

  HttpSocket socket_;
  Stage stage_ = Stage::kReading;
  ResponseType type_ = ResponseType::kJson;
  std::string origin_;                        // of the page that may read the reply
  std::string_view vary_;                     // headers on which the reply depends; constant text
  std::unique_ptr<HttpOperation> operation_;  // until it was executed
  std::unique_ptr<Credentials> credentials_;  // until they were presented
  bool has_token_ = false;
  bool ending_ = false;  // the stream ends when the outbox is empty
};

}  // namespace fsubs
