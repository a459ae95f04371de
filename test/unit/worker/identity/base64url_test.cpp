#include "worker/identity/base64url.hpp"

#include <gtest/gtest.h>

#include "test/token_signer.hpp"

namespace fsubs {
namespace {

TEST(Base64Url, ReadsWhatRfc7515AppendixCWrites) {
  EXPECT_EQ(DecodeBase64Url("A-z_4ME"), "\x03\xec\xff\xe0\xc1");
  EXPECT_EQ(DecodeBase64Url(""), "");
}

TEST(Base64Url, ReadsEveryByteAtEveryPlace) {
  for (size_t before = 0; before < 3; ++before) {
    for (int byte = 0; byte < 256; ++byte) {
      const std::string bytes = std::string(before, 'x') + static_cast<char>(byte);
      EXPECT_EQ(DecodeBase64Url(EncodeBase64Url(bytes)), bytes);
    }
  }
}

TEST(Base64Url, ReadsNoOtherSpellingOfTheSameBytes) {
  for (const char* text : {"AA==", "AAA=", "AA=", "A", "AAAAA", "AB", "AAB", "A+z_4ME", "A/z_4ME",
                           " AA", "AA\n", "A.A", "\xc3\xa4\xc3\xa4"}) {
    EXPECT_EQ(DecodeBase64Url(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace fsubs
