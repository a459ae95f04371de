#include "worker/socket/tls_ticket_keys.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <new>
#include <optional>

namespace fsubs {
namespace {

using Clock = std::chrono::steady_clock;

// Of a ticket, and of a key as the one that seals.
constexpr std::chrono::hours kLifetime{1};

constexpr size_t kNameBytes = 16;

struct TicketKey {
  std::array<unsigned char, kNameBytes> name;
  std::array<unsigned char, 32> cipher;
  std::array<unsigned char, 32> mac;
  Clock::time_point made;

  static std::optional<TicketKey> Make() {
    TicketKey key{.made = Clock::now()};
    if (RAND_bytes(key.name.data(), key.name.size()) != 1 ||
        RAND_priv_bytes(key.cipher.data(), key.cipher.size()) != 1 ||
        RAND_priv_bytes(key.mac.data(), key.mac.size()) != 1) {
      return std::nullopt;
    }
    return key;
  }
};

// Any thread.
class TicketKeys {
 public:
  std::optional<TicketKey> ForSealing() {
    const std::scoped_lock lock(mutex_);
    if (!newest_ || Clock::now() - newest_->made > kLifetime) {
      before_ = newest_;
      newest_ = TicketKey::Make();
    }
    return newest_;
  }

  // The one of that name, if it may still have sealed a ticket that is good.
  std::optional<TicketKey> Find(const unsigned char* name) {
    const std::scoped_lock lock(mutex_);
    for (const auto& key : {newest_, before_}) {
      if (key && std::equal(key->name.begin(), key->name.end(), name) &&
          Clock::now() - key->made <= 2 * kLifetime) {
        return key;
      }
    }
    return std::nullopt;
  }

 private:
  std::mutex mutex_;
  std::optional<TicketKey> newest_;
  std::optional<TicketKey> before_;
};

// With the context, which connections that are under way keep.
int KeysIndex() {
  static const int index = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* keys, CRYPTO_EX_DATA*, int, long, void*) {
        delete static_cast<TicketKeys*>(keys);
      });
  return index;
}

bool SetMacKey(EVP_MAC_CTX* mac, TicketKey* key) {
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac.data(), key->mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

// As SSL_CTX_set_tlsext_ticket_key_evp_cb has it: negative fails the handshake, 0 makes it a whole
// one, 1 goes on, 2 goes on with a new ticket.
int OnTicket(SSL* session, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
             EVP_MAC_CTX* mac, int seals) {
  auto* const keys =
      static_cast<TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), KeysIndex()));
  const EVP_CIPHER* const kind = EVP_aes_256_cbc();
  std::optional<TicketKey> key = seals != 0 ? keys->ForSealing() : keys->Find(name);
  if (!key) return seals != 0 ? -1 : 0;
  if (seals != 0) {
    std::copy(key->name.begin(), key->name.end(), name);
    return RAND_bytes(iv, EVP_CIPHER_get_iv_length(kind)) == 1 &&
                   EVP_EncryptInit_ex(cipher, kind, nullptr, key->cipher.data(), iv) == 1 &&
                   SetMacKey(mac, &*key)
               ? 1
               : -1;
  }
  if (EVP_DecryptInit_ex(cipher, kind, nullptr, key->cipher.data(), iv) != 1 ||
      !SetMacKey(mac, &*key)) {
    return -1;
  }
  return Clock::now() - key->made > kLifetime ? 2 : 1;
}

}  // namespace

bool UseTicketKeys(SSL_CTX* context) {
  auto* const keys = new (std::nothrow) TicketKeys;
  if (keys == nullptr || SSL_CTX_set_ex_data(context, KeysIndex(), keys) != 1) {
    delete keys;
    return false;
  }
  SSL_CTX_set_timeout(context, std::chrono::seconds(kLifetime).count());
  return SSL_CTX_set_tlsext_ticket_key_evp_cb(context, OnTicket) == 1;
}

}  // namespace fsubs
