#include "worker/socket/listener.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

TEST(ListenerTest, NobodyElseReachesALoopbackAddress) {
  for (const char* const address : {"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(IsLoopback(address)) << address;
  }
  for (const char* const address :
       {"0.0.0.0", "::", "128.0.0.1", "10.0.0.1", "::2", "::ffff:10.0.0.1", "localhost", ""}) {
    EXPECT_FALSE(IsLoopback(address)) << address;
  }
}

TEST(ListenerTest, APathThatIsTooLongIsRefused) {
  std::string error;
  EXPECT_EQ(OpenUnixListener("/" + std::string(107, 'x'), SocketAccess::kOwner, &error), -1);
  EXPECT_EQ(error, "File name too long");
}

}  // namespace
}  // namespace fsubs
