#include "worker/socket/ws_handshake.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

namespace fsubs {
namespace {

constexpr std::string_view kVersion = "13";
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

// 16 bytes in base64.
constexpr size_t kKeyLength = 24;
constexpr size_t kKeyBytes = 16;
constexpr size_t kKeyPadding = 2;

bool IsKey(std::string_view key) {
  if (key.size() != kKeyLength || !key.ends_with("==")) return false;
  // OpenSSL counts the padding as bytes of zero, and takes white space, which a header's value has
  // not at its ends.
  std::array<unsigned char, kKeyBytes + kKeyPadding> decoded;
  return key.find_first_of(" \t\r\n") == std::string_view::npos &&
         EVP_DecodeBlock(decoded.data(), reinterpret_cast<const unsigned char*>(key.data()),
                         static_cast<int>(key.size())) == static_cast<int>(decoded.size());
}

std::string AcceptKey(std::string_view key) {
  const std::string text = std::string(key).append(kGuid);
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::array<unsigned char, (SHA_DIGEST_LENGTH + 2) / 3 * 4 + 1> encoded;
  const int length = EVP_EncodeBlock(encoded.data(), digest.data(), digest.size());
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<size_t>(length)};
}

bool Offers(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    std::string_view one = list.substr(0, end);
    one.remove_prefix(std::min(one.find_first_not_of(" \t"), one.size()));
    one = one.substr(0, one.find_last_not_of(" \t") + 1);
    if (one == name) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

}  // namespace

std::optional<HttpReply> RefuseOffer(const WebSocketOffer& offer) {
  HttpReply reply;
  if (offer.version != kVersion) {
    reply.status = kHttpUpgradeRequired;
    reply.body = "version 13 of the WebSocket protocol is served here\n";
    reply.headers = {{"sec-websocket-version", std::string(kVersion)}};
    return reply;
  }
  if (!IsKey(offer.key)) {
    reply.status = kHttpBadRequest;
    reply.body = "Sec-WebSocket-Key is not 16 bytes in base64\n";
    return reply;
  }
  return std::nullopt;
}

std::string_view AgreeOnSubprotocol(const WebSocketOffer& offer,
                                    std::span<const char* const> ours) {
  const auto agreed = std::find_if(
      ours.begin(), ours.end(), [&](const char* name) { return Offers(offer.subprotocols, name); });
  return agreed == ours.end() ? std::string_view() : *agreed;
}

std::string AcceptOffer(const WebSocketOffer& offer, std::string_view subprotocol) {
  std::string reply =
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
      "sec-websocket-accept: ";
  reply += AcceptKey(offer.key);
  if (!subprotocol.empty()) reply.append("\r\nsec-websocket-protocol: ").append(subprotocol);
  return reply += "\r\n\r\n";
}

}  // namespace fsubs
