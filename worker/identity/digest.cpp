#include "worker/identity/digest.hpp"

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <new>

namespace fsubs {

std::string Sha256(std::initializer_list<std::string_view> parts) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  std::string digest(32, '\0');
  bool done = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (const std::string_view part : parts) {
    const uint64_t size = part.size();
    done = done && EVP_DigestUpdate(context.get(), &size, sizeof(size)) == 1 &&
           EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  }
  done = done &&
         EVP_DigestFinal_ex(context.get(), reinterpret_cast<uint8_t*>(digest.data()), nullptr) == 1;
  // It fails for want of memory alone.
  if (!done) throw std::bad_alloc();
  return digest;
}

}  // namespace fsubs
