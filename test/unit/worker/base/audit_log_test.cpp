#include "worker/base/audit_log.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace fsubs {
namespace {

class AuditLogTest : public testing::Test {
 protected:
  void RefuseMany(size_t count) {
    for (size_t i = 0; i < count; ++i) audit_.RefusedLogin({.connection = i}, "no_token", {});
  }

  uint64_t now_ms_ = 1'000'000;
  std::vector<std::string> lines_;
  AuditLog audit_{[this](const std::string& line) { lines_.push_back(line); },
                  [this] { return now_ms_; }};
};

TEST_F(AuditLogTest, LinesHaveTheDocumentedForm) {
  audit_.RefusedLogin({.connection = 64, .peer = "10.0.0.1:5000"}, "no_token", {});
  audit_.RefusedLogin({.connection = 65, .user = "u1"}, "token", "kid is not known");
  const AuditLog::Who who{.connection = 66, .user = "u1", .tenant = "t1"};
  audit_.RefusedSubscription(who, "orderUpdated", "FORBIDDEN", "TENANT_REQUIRED");
  audit_.RefusedSubscription(who, {}, "RATE_LIMITED", {});
  audit_.DeniedEvents("tenant", 12);
  audit_.Disconnected(who, 4403, "Account closed");
  audit_.RefusedOperation(who, "_service", "FORBIDDEN", "ROLE_REQUIRED");
  audit_.RefusedConnection(who, "connections_per_user");
  audit_.RefusedPeer("10.0.0.1:5000", "connections_per_address");
  audit_.ClosedConnection(who, "messages_per_connection");
  EXPECT_EQ(
      lines_,
      (std::vector<std::string>{
          R"(audit: login refused connection=64 peer=10.0.0.1:5000 reason=no_token)",
          R"(audit: login refused connection=65 user="u1" reason=token detail="kid is not known")",
          R"(audit: subscription refused connection=66 user="u1" tenant="t1" field="orderUpdated" code=FORBIDDEN reason=TENANT_REQUIRED)",
          R"(audit: subscription refused connection=66 user="u1" tenant="t1" code=RATE_LIMITED)",
          R"(audit: events denied module=tenant count=12)",
          R"(audit: disconnected connection=66 user="u1" tenant="t1" code=4403 reason="Account closed")",
          R"(audit: operation refused connection=66 user="u1" tenant="t1" field="_service" code=FORBIDDEN reason=ROLE_REQUIRED)",
          R"(audit: connection refused connection=66 user="u1" tenant="t1" limit=connections_per_user)",
          R"(audit: connection refused peer=10.0.0.1:5000 limit=connections_per_address)",
          R"(audit: connection closed connection=66 user="u1" tenant="t1" limit=messages_per_connection)",
      }));
}

TEST_F(AuditLogTest, TextsOfPeersCannotForgeALineOrAMember) {
  audit_.RefusedLogin({.user = "a\" tenant=\"b\\"}, "X", {});
  audit_.RefusedLogin({.user = "a\nLOG:  b\r\x1b[2J\x7f"}, "X", {});
  audit_.RefusedLogin({.user = "a\u0085\u2028\u202Eb\u2066é漢"}, "X", {});
  audit_.RefusedLogin({}, "X user=\"root\"", {});
  EXPECT_EQ(lines_,
            (std::vector<std::string>{
                R"(audit: login refused connection=0 user="a\" tenant=\"b\\" reason=X)",
                R"(audit: login refused connection=0 user="a\x0ALOG:  b\x0D\x1B[2J\x7F" reason=X)",
                "audit: login refused connection=0 "
                R"(user="a\xC2\x85\xE2\x80\xA8\xE2\x80\xAEb\xE2\x81\xA6)"
                "é漢\" reason=X",
                R"(audit: login refused connection=0 reason="X user=\"root\"")",
            }));
}

TEST_F(AuditLogTest, LongTextsAreCutBetweenCharacters) {
  audit_.RefusedLogin({.user = std::string(199, 'a') + "é" + std::string(5000, 'b')}, "X", {});
  EXPECT_EQ(lines_.at(0),
            "audit: login refused connection=0 user=\"" + std::string(199, 'a') + "\"... reason=X");
}

TEST_F(AuditLogTest, OfMoreLinesThanTheRateTheRestIsCountedAndTold) {
  RefuseMany(AuditLog::kBurst + 7);
  EXPECT_EQ(lines_.size(), AuditLog::kBurst);
  now_ms_ += 500;
  RefuseMany(AuditLog::kLinesPerSecond);
  EXPECT_EQ(lines_.size(), AuditLog::kBurst + AuditLog::kLinesPerSecond / 2);
  audit_.TellLeftOut();
  EXPECT_EQ(lines_.size(), AuditLog::kBurst + AuditLog::kLinesPerSecond / 2);

  lines_.clear();
  now_ms_ += AuditLog::kTellIntervalMs;
  audit_.TellLeftOut();
  audit_.TellLeftOut();
  EXPECT_EQ(lines_,
            (std::vector<std::string>{R"(audit: 12 more lines of "login refused" were left out)"}));
}

TEST_F(AuditLogTest, LinesOfAKindTakeNoRoomFromOthers) {
  RefuseMany(AuditLog::kBurst + 3);
  lines_.clear();
  audit_.RefusedSubscription({}, {}, "FORBIDDEN", {});
  audit_.DeniedEvents("tenant", 1);
  for (size_t i = 0; i < AuditLog::kBurst + 2; ++i) audit_.Disconnected({}, 4403, "gone");
  EXPECT_EQ(lines_.size(), 2 + AuditLog::kBurst);

  lines_.clear();
  now_ms_ += AuditLog::kTellIntervalMs;
  audit_.TellLeftOut();
  EXPECT_EQ(lines_, (std::vector<std::string>{
                        R"(audit: 3 more lines of "login refused" were left out)",
                        R"(audit: 2 more lines of "disconnected" were left out)",
                    }));
}

TEST_F(AuditLogTest, TheBurstIsFullAgainAfterAPauseOfAnyLength) {
  RefuseMany(AuditLog::kBurst);
  lines_.clear();
  now_ms_ += uint64_t{1} << 62;
  RefuseMany(AuditLog::kBurst + 1);
  EXPECT_EQ(lines_.size(), AuditLog::kBurst);
}

TEST_F(AuditLogTest, NothingIsLoggedWhileItIsOff) {
  audit_.SetEnabled(false);
  RefuseMany(1);
  audit_.RefusedSubscription({}, "f", "FORBIDDEN", {});
  audit_.DeniedEvents("tenant", 1);
  audit_.Disconnected({}, 4403, "gone");
  EXPECT_EQ(lines_, std::vector<std::string>{});
  audit_.SetEnabled(true);
  RefuseMany(1);
  EXPECT_EQ(lines_.size(), 1u);
}

}  // namespace
}  // namespace fsubs
