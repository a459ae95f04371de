// The handshake's key (RFC 6455, section 4.2.2).
#pragma once

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <string>

namespace bench {

inline std::string AcceptKey(std::string key) {
  key += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest);
  unsigned char text[64];
  const int length = EVP_EncodeBlock(text, digest, sizeof(digest));
  return {reinterpret_cast<char*>(text), static_cast<size_t>(length)};
}

}  // namespace bench
