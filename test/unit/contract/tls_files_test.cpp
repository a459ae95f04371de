#include "contract/tls_files.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fsubs {
namespace {

std::string File(bool failed, std::string_view bytes) {
  const TlsFileHeader header{failed, static_cast<uint32_t>(bytes.size())};
  std::string text(reinterpret_cast<const char*>(&header), sizeof(header));
  return text.append(bytes);
}

TEST(TlsFilesTest, FilesAreReadInTheirOrder) {
  const std::string written =
      File(false, "certificates") + File(true, "why there is no key") + File(false, "") + "\n\n\n";
  std::array<TlsFileContent, kTlsFiles> files;
  ASSERT_TRUE(ReadTlsFiles(written, &files));
  EXPECT_FALSE(files[0].failed);
  EXPECT_EQ(files[0].bytes, "certificates");
  EXPECT_TRUE(files[1].failed);
  EXPECT_EQ(files[1].bytes, "why there is no key");
  EXPECT_FALSE(files[2].failed);
  EXPECT_EQ(files[2].bytes, "");
}

TEST(TlsFilesTest, WhatEndsTooEarlyIsRefused) {
  const std::string written = File(false, "certificates") + File(false, "key") + File(false, "x");
  std::array<TlsFileContent, kTlsFiles> files;
  for (size_t length = 0; length < written.size(); ++length) {
    EXPECT_FALSE(ReadTlsFiles(std::string_view(written).substr(0, length), &files)) << length;
  }
  EXPECT_TRUE(ReadTlsFiles(written, &files));
}

}  // namespace
}  // namespace fsubs
