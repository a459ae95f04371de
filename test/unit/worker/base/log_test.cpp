#include "worker/base/log.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

// What is logged for that message, behind the time.
std::string Logged(const std::string& message) {
  testing::internal::CaptureStderr();
  Log(LogLevel::kError, "%s", message.c_str());
  const std::string line = testing::internal::GetCapturedStderr();
  return line.substr(line.find("ERROR:  ") + 8);
}

TEST(LogTest, AMessageIsOneLineWithoutControlCharacters) {
  EXPECT_EQ(Logged("a\nb\rc\td\x1b[2Je\x7f"), "a b c d [2Je \n");
  EXPECT_EQ(Logged("a\u0085b\u009bc"), "a  b  c\n");
}

TEST(LogTest, OtherCharactersStay) {
  EXPECT_EQ(Logged("é\u00a0漢 ~"), "é\u00a0漢 ~\n");
  EXPECT_EQ(Logged("cut short \xc2"), "cut short \xc2\n");
}

}  // namespace
}  // namespace fsubs
