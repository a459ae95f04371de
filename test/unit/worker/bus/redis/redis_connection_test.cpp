#include "worker/bus/redis/redis_connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/worker/bus/redis/fake_redis.hpp"
#include "test/unit/worker/test_loop.hpp"
#include "worker/bus/redis/command.hpp"

namespace fsubs {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class RedisConnectionTest : public testing::Test, public RedisConnection::Sink {
 protected:
  void Start(const std::string& url) {
    RedisAccess access;
    EXPECT_EQ(ParseRedisUrl(url, &access.url), "");
    redis_.SetAnswer([this](const FakeRedis::Words& command) { return AnswerTo(command); });
    dialer_.Attach(loop_.get());
    connection_ = std::make_unique<RedisConnection>(access, "test", ReplyLimits{}, &dialer_, this);
    connection_->Start(loop_.get());
  }
  ~RedisConnectionTest() override {
    if (connection_) connection_->Stop();
    dialer_.Close();
    loop_.Turn();
  }

  void RunUntil(const std::function<bool()>& holds) {
    loop_.RunUntil([&] {
      redis_.Serve();
      return holds();
    });
  }
  void RunUntilReady() {
    RunUntil([this] { return ready_ > 0; });
  }
  std::string RunUntilDown() {
    const size_t before = downs_.size();
    RunUntil([&] { return downs_.size() > before; });
    return downs_.back();
  }

  std::optional<std::string> AnswerTo(const FakeRedis::Words& command) {
    const auto found = answers_.find(command[0]);
    if (found != answers_.end()) return found->second;
    if (command[0] == "INFO") return Bulk("redis_version:7.0.15\r\ncluster_enabled:0\r\n");
    return "+OK\r\n";
  }

  void OnReady() override { ++ready_; }
  void OnDown(const std::string& why) override { downs_.push_back(why); }

  FakeRedis redis_;
  std::map<std::string, std::string> answers_;
  int ready_ = 0;
  std::vector<std::string> downs_;
  Dialer dialer_{redis_.process()};
  std::unique_ptr<RedisConnection> connection_;
  TestLoop loop_;
};

TEST_F(RedisConnectionTest, LogsInAndSelectsItsDatabase) {
  Start("redis://app:secret@h:7000/3");
  RunUntilReady();
  EXPECT_THAT(redis_.dialed(), ElementsAre(Address{"h", 7000}));
  EXPECT_THAT(redis_.commands(), Contains(FakeRedis::Words{"AUTH", "app", "secret"}));
  EXPECT_THAT(redis_.commands(), Contains(FakeRedis::Words{"SELECT", "3"}));
}

TEST_F(RedisConnectionTest, SaysWhichLoginStepWasRefused) {
  answers_["AUTH"] = "-WRONGPASS invalid username-password pair\r\n";
  Start("redis://:secret@h");
  const std::string why = RunUntilDown();
  EXPECT_THAT(why, HasSubstr("refuses the user or the password"));
  EXPECT_THAT(why, testing::Not(HasSubstr("secret")));
}

TEST_F(RedisConnectionTest, SaysThatAPasswordIsMissing) {
  answers_["CLIENT"] = "-NOAUTH Authentication required.\r\n";
  answers_["INFO"] = "-NOAUTH Authentication required.\r\n";
  Start("redis://h");
  EXPECT_THAT(RunUntilDown(), HasSubstr("wants a password"));
}

TEST_F(RedisConnectionTest, NeedsNoRightsBeyondWhatItIsFor) {
  answers_["CLIENT"] = "-NOPERM no\r\n";
  answers_["INFO"] = "-NOPERM no\r\n";
  Start("redis://h");
  RunUntilReady();
}

TEST_F(RedisConnectionTest, RefusesAClusterThatTheUrlDoesNotName) {
  answers_["INFO"] = Bulk("redis_version:7.0.15\r\ncluster_enabled:1\r\n");
  Start("redis://h");
  EXPECT_THAT(RunUntilDown(), HasSubstr("redis+cluster://"));
}

TEST_F(RedisConnectionTest, RefusesAServerThatIsTooOld) {
  answers_["INFO"] = Bulk("redis_version:6.0.16\r\n");
  Start("redis://h");
  EXPECT_THAT(RunUntilDown(), HasSubstr("older than 6.2"));
}

TEST_F(RedisConnectionTest, AsksTheSentinelAndThenThePrimaryForItsRole) {
  answers_["SENTINEL"] = Array({Bulk("10.0.0.9"), Bulk("6400")});
  answers_["ROLE"] = Array({Bulk("master"), ":5\r\n", "*0\r\n"});
  Start("redis+sentinel://s1,s2/events");
  RunUntilReady();
  EXPECT_THAT(redis_.dialed(), ElementsAre(Address{"s1", 26379}, Address{"10.0.0.9", 6400}));
  EXPECT_THAT(redis_.commands(),
              Contains(FakeRedis::Words{"SENTINEL", "get-master-addr-by-name", "events"}));
}

TEST_F(RedisConnectionTest, AsksTheSentinelAgainWhenThePrimaryIsAReplica) {
  answers_["SENTINEL"] = Array({Bulk("10.0.0.9"), Bulk("6400")});
  answers_["ROLE"] = Array({Bulk("slave"), Bulk("10.0.0.8")});
  Start("redis+sentinel://s1,s2/events");
  EXPECT_THAT(RunUntilDown(), HasSubstr("a replica"));
  answers_["ROLE"] = Array({Bulk("master")});
  RunUntilReady();
  EXPECT_EQ(redis_.dialed()[2].host, "s1");
}

TEST_F(RedisConnectionTest, AsksTheNextSentinelWhenOneKnowsNothing) {
  answers_["SENTINEL"] = "*-1\r\n";
  Start("redis+sentinel://s1,s2/events");
  EXPECT_THAT(RunUntilDown(), HasSubstr("knows no primary named \"events\""));
  RunUntilDown();
  EXPECT_EQ(redis_.dialed()[1].host, "s2");
}

TEST_F(RedisConnectionTest, FollowsAMovedSlotToItsNode) {
  answers_["INFO"] = Bulk("redis_version:7.0.15\r\ncluster_enabled:1\r\n");
  answers_["ROLE"] = Array({Bulk("master")});
  Start("redis+cluster://h");
  RunUntilReady();
  connection_->Fail("MOVED 4711 10.0.0.7:7002");
  EXPECT_EQ(downs_.back(), "");
  RunUntil([this] { return ready_ == 2; });
  EXPECT_EQ(redis_.dialed().back(), (Address{"10.0.0.7", 7002}));
  connection_->Fail("MOVED 4711 :7003");
  RunUntil([this] { return ready_ == 3; });
  EXPECT_EQ(redis_.dialed().back(), (Address{"10.0.0.7", 7003}));
}

TEST_F(RedisConnectionTest, SaysWhyTheServerClosesTheConnection) {
  answers_["CLIENT"] = "-ERR max number of clients reached\r\n";
  answers_["INFO"] = "";
  Start("redis://h");
  RunUntil([this] { return redis_.commands().size() == 2; });
  redis_.CloseConnections();
  EXPECT_THAT(RunUntilDown(), HasSubstr("max number of clients"));
}

TEST_F(RedisConnectionTest, IsMadeAgainWhenItIsLost) {
  Start("redis://h");
  RunUntilReady();
  redis_.CloseConnections();
  EXPECT_THAT(RunUntilDown(), HasSubstr("closed the connection"));
  redis_.RefuseConnections("Connection refused");
  EXPECT_THAT(RunUntilDown(), HasSubstr("Connection refused"));
  redis_.RefuseConnections("");
  RunUntil([this] { return ready_ == 2; });
}

TEST_F(RedisConnectionTest, AnswersComeToThoseWhoAskedInTheirOrder) {
  Start("redis://h");
  RunUntilReady();
  answers_["GET"] = ":1\r\n";
  answers_["PING"] = "+PONG\r\n";
  std::vector<std::string> come;
  connection_->Request(Command("GET", "a") + Command("GET", "b"), 2, 1000,
                       [&](RedisLink::Replies replies) {
                         come.push_back(std::to_string(replies.size()) + " numbers");
                       });
  connection_->Request(Command("PING"), 1, 1000,
                       [&](RedisLink::Replies replies) { come.push_back(replies[0].text); });
  RunUntil([&] { return come.size() == 2; });
  EXPECT_THAT(come, ElementsAre("2 numbers", "PONG"));
}

TEST_F(RedisConnectionTest, IsLostWhenAnAnswerDoesNotComeInTime) {
  Start("redis://h");
  RunUntilReady();
  redis_.SetAnswer([](const FakeRedis::Words&) { return std::nullopt; });
  connection_->Request(Command("PING"), 1, 10, [](const RedisLink::Replies&) { FAIL(); });
  EXPECT_THAT(RunUntilDown(), HasSubstr("did not answer in time"));
}

TEST_F(RedisConnectionTest, IsLostForAnythingThatIsNoAnswer) {
  for (const char* bytes : {"hello\r\n", "*2000000000\r\n", "+OK\r\n+OK\r\n", "*3\r\n:1\r\n?"}) {
    SCOPED_TRACE(bytes);
    answers_.clear();
    ready_ = 0;
    if (!connection_) {
      Start("redis://h");
    }
    RunUntilReady();
    answers_["PING"] = bytes;
    connection_->Request(Command("PING"), 1, 1000, [](const RedisLink::Replies&) {});
    EXPECT_NE(RunUntilDown(), "");
  }
}

TEST_F(RedisConnectionTest, AnyBytesInAnyStepOfTheLoginEndNoMoreThanTheAttempt) {
  for (const char* command : {"AUTH", "CLIENT", "SELECT", "ROLE", "INFO", "SENTINEL"}) {
    for (const char* bytes :
         {"*0\r\n", ":7\r\n", "$-1\r\n", "*2\r\n*0\r\n:1\r\n", "-ERR\r\n", "x\r\n"}) {
      answers_[command] = bytes;
    }
  }
  Start("redis+sentinel://u:p@s1/events/2?sentinel_password=x");
  for (int i = 0; i < 3; ++i) EXPECT_NE(RunUntilDown(), "");
}

}  // namespace
}  // namespace fsubs
