#include "worker/bus/postgresql/pg_dsn.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace fsubs {
namespace {

// Of the keywords with which it is connected to the first server.
std::string Keyword(const PgDsn& dsn, const std::string& name) {
  std::string value;
  for (const auto& [keyword, text] : dsn.KeywordsFor(dsn.servers().at(0), "test")) {
    if (keyword == name) value = text;
  }
  return value;
}

TEST(PgDsn, NamesServersInTheirOrder) {
  PgDsn dsn;
  ASSERT_EQ(PgDsn::Parse("postgresql://u:secret@a:1,b:2,[::1]:3/shop?sslmode=require", &dsn), "");
  ASSERT_EQ(dsn.servers().size(), 3u);
  EXPECT_EQ(dsn.servers()[1].host, "b");
  EXPECT_EQ(dsn.servers()[1].port, "2");
  EXPECT_EQ(dsn.servers()[2].host, "::1");
  EXPECT_EQ(dsn.user(), "u");
  EXPECT_EQ(dsn.database(), "shop");
  EXPECT_EQ(Keyword(dsn, "sslmode"), "require");
  EXPECT_EQ(Keyword(dsn, "password"), "secret");
  EXPECT_EQ(dsn.Describe().find("secret"), std::string::npos);
}

TEST(PgDsn, OnePortIsForAllHosts) {
  PgDsn dsn;
  ASSERT_EQ(PgDsn::Parse("host=a,b port=7", &dsn), "");
  EXPECT_EQ(dsn.servers().at(1).port, "7");
  EXPECT_NE(PgDsn::Parse("host=a,b,c port=7,8", &dsn), "");
  EXPECT_NE(PgDsn::Parse("host=a,b hostaddr=127.0.0.1", &dsn), "");
}

TEST(PgDsn, AnAddressIsNotLookedUp) {
  PgDsn dsn;
  ASSERT_EQ(PgDsn::Parse("host=db.example hostaddr=127.0.0.1", &dsn), "");
  EXPECT_EQ(dsn.servers().at(0).host, "db.example");
  EXPECT_EQ(dsn.servers().at(0).address, "127.0.0.1");
  EXPECT_FALSE(dsn.servers().at(0).is_unix_socket());
  ASSERT_EQ(PgDsn::Parse("host=/run/postgresql", &dsn), "");
  EXPECT_TRUE(dsn.servers().at(0).is_unix_socket());
}

TEST(PgDsn, WhatIsReadIsReadOnThePrimaryUnlessItSaysOtherwise) {
  PgDsn dsn;
  ASSERT_EQ(PgDsn::Parse("host=a", &dsn), "");
  EXPECT_EQ(Keyword(dsn, "target_session_attrs"), "read-write");
  ASSERT_EQ(PgDsn::Parse("host=a target_session_attrs=primary", &dsn), "");
  EXPECT_EQ(Keyword(dsn, "target_session_attrs"), "primary");
}

TEST(PgDsn, WhatTheSandboxForbidsIsNotUsed) {
  PgDsn dsn;
  ASSERT_EQ(PgDsn::Parse("host=a", &dsn), "");
  EXPECT_EQ(Keyword(dsn, "gssencmode"), "disable");
  EXPECT_NE(PgDsn::Parse("host=a gssencmode=require", &dsn), "");
  EXPECT_NE(PgDsn::Parse("service=shop", &dsn), "");
}

TEST(PgDsn, NoMessageRepeatsThePassword) {
  PgDsn dsn;
  for (const char* const text :
       {"host=a password=secret x", "postgresql://u:secret%zz@a/shop", "password='secret",
        "postgresql://u:secret@[::1/shop", "secret", "postgresql://u@a?secret=1"}) {
    const std::string problem = PgDsn::Parse(text, &dsn);
    EXPECT_NE(problem, "") << text;
    EXPECT_EQ(problem.find("secret"), std::string::npos) << problem;
  }
}

TEST(PgDsn, FilesOfCertificatesAreTold) {
  PgDsn dsn;
  ASSERT_EQ(PgDsn::Parse("host=a sslrootcert=/x/ca.pem passfile=/x/pass", &dsn), "");
  const auto files = dsn.Files();
  EXPECT_NE(std::find(files.begin(), files.end(), "/x/ca.pem"), files.end());
  EXPECT_NE(std::find(files.begin(), files.end(), "/x/pass"), files.end());
}

}  // namespace
}  // namespace fsubs
