#include "worker/base/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

namespace fsubs {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<const char*> Arguments(const std::vector<std::string>& options) {
  std::vector<const char*> arguments{"fraiseql-worker"};
  for (const std::string& option : options) arguments.push_back(option.c_str());
  return arguments;
}

struct Parsed {
  Options options;
  bool accepted = false;
  int exit_code = 0;
  std::string printed;
};

Parsed Parse(const std::vector<std::string>& options) {
  const std::vector<const char*> arguments = Arguments(options);
  Parsed parsed;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  parsed.accepted = ParseOptions(static_cast<int>(arguments.size()), arguments.data(),
                                 &parsed.options, &parsed.exit_code);
  parsed.printed = testing::internal::GetCapturedStdout();
  parsed.printed += testing::internal::GetCapturedStderr();
  return parsed;
}

std::string Flag(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}

bool Accepts(const Setting& setting, const std::string& value) {
  return Parse({Flag(setting.name), value}).accepted;
}

// A node that nobody has launched has two more of its own.
bool IsOption(const Setting& setting) {
  const std::string_view name = setting.name;
  return setting.is_worker_option || name == "worker_threads" || name == "ring_size";
}

std::string DefaultOf(const Setting& setting) {
  struct Text {
    std::string operator()(const BoolSetting& kind) const {
      return kind.default_value ? "true" : "false";
    }
    std::string operator()(const IntegerSetting& kind) const {
      return std::to_string(kind.default_value);
    }
    std::string operator()(const StringSetting& kind) const { return kind.default_value; }
    std::string operator()(const EnumSetting& kind) const {
      return NameOf(kind, kind.default_value);
    }
  };
  return std::visit(Text(), setting.value);
}

// A file with `lines`, gone at the end.
class ConfigFile {
 public:
  explicit ConfigFile(const std::string& lines)
      : path_(testing::TempDir() + "fraiseql_subs_options_test.conf") {
    Write(lines);
  }
  ~ConfigFile() { std::remove(path_.c_str()); }

  void Write(const std::string& lines) const { std::ofstream(path_) << lines; }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

TEST(OptionsTest, EachSettingOfTheWorkerIsAnOptionAndNoOther) {
  for (const Setting& setting : kSettings) {
    EXPECT_EQ(Accepts(setting, DefaultOf(setting)), IsOption(setting)) << setting.name;
  }
}

TEST(OptionsTest, AMisspeltOptionIsRefused) {
  const Parsed parsed = Parse({"--prot", "4001"});
  EXPECT_FALSE(parsed.accepted);
  EXPECT_NE(parsed.exit_code, 0);
}

TEST(OptionsTest, WithoutArgumentsEachSettingHasItsDefault) {
  const Parsed parsed = Parse({});
  ASSERT_TRUE(parsed.accepted);
  EXPECT_EQ(parsed.options.listen_address, "127.0.0.1");
  EXPECT_EQ(parsed.options.port, 4000);
  EXPECT_FALSE(parsed.options.allow_anonymous);
  EXPECT_TRUE(parsed.options.introspection);
  EXPECT_EQ(parsed.options.outbox_size, 1048576);
  EXPECT_EQ(parsed.options.keepalive_interval, 12000);
  EXPECT_EQ(parsed.options.log_level, LogLevel::kLog);
}

TEST(OptionsTest, NumbersAreAcceptedWithinTheirRangeAlone) {
  for (const Setting& setting : kSettings) {
    const auto* const integer = std::get_if<IntegerSetting>(&setting.value);
    if (integer == nullptr || !setting.is_worker_option) continue;
    EXPECT_TRUE(Accepts(setting, std::to_string(integer->min))) << setting.name;
    EXPECT_TRUE(Accepts(setting, std::to_string(integer->max))) << setting.name;
    EXPECT_FALSE(Accepts(setting, std::to_string(integer->min - 1))) << setting.name;
    EXPECT_FALSE(Accepts(setting, std::to_string(integer->max + 1))) << setting.name;
    EXPECT_EQ(Accepts(setting, "0"), integer->zero_is_off || integer->min == 0) << setting.name;
    EXPECT_FALSE(Accepts(setting, "many")) << setting.name;
  }
}

TEST(OptionsTest, ARefusalNamesTheOptionAndItsRange) {
  const Parsed parsed = Parse({"--port", "0"});
  EXPECT_NE(parsed.exit_code, 0);
  // Versions of CLI11 write the bounds in different ways.
  for (const char* part : {"--port: Value 0 not in range", "1", "65535"}) {
    EXPECT_NE(parsed.printed.find(part), std::string::npos) << parsed.printed;
  }
}

TEST(OptionsTest, LogLevelsAreKnownByName) {
  const auto level = [](const std::string& name) {
    const Parsed parsed = Parse({"--log-level", name});
    EXPECT_TRUE(parsed.accepted) << name;
    return parsed.options.log_level;
  };
  EXPECT_EQ(level("debug"), LogLevel::kDebug);
  EXPECT_EQ(level("log"), LogLevel::kLog);
  EXPECT_EQ(level("info"), LogLevel::kLog);
  EXPECT_EQ(level("WARNING"), LogLevel::kWarning);
  EXPECT_EQ(level("error"), LogLevel::kError);
  EXPECT_FALSE(Parse({"--log-level", "loud"}).accepted);
}

TEST(OptionsTest, TheAddressIsNumeric) {
  for (const char* address : {"127.0.0.1", "0.0.0.0", "::", "::1"}) {
    EXPECT_EQ(Parse({"--listen-address", address}).options.listen_address, address);
  }
  EXPECT_FALSE(Parse({"--listen-address", "localhost"}).accepted);
}

TEST(OptionsTest, OriginsAreThoseOfPages) {
  for (const char* list : {"", "*", "https://a.example,https://*.b.example:8443"}) {
    EXPECT_EQ(Parse({"--allowed-origins", list}).options.allowed_origins, list);
  }
  const Parsed parsed = Parse({"--allowed-origins", "https://a.example, https://b.example/"});
  EXPECT_FALSE(parsed.accepted);
  EXPECT_NE(
      parsed.printed.find("--allowed-origins: \"https://b.example/\" goes on behind the host. "
                          "Leave out the path"),
      std::string::npos)
      << parsed.printed;
}

TEST(OptionsTest, TheFileOfTheLauncherIsRead) {
  const ConfigFile file(
      "database = \"my db\"\n"
      "listen_address = \"::\"\n"
      "port = 4001\n"
      "allow_anonymous = true\n"
      "allowed_origins = \"https://a.example, https://b.example:8443\"\n"
      "outbox_size = 1073741824\n"
      "log_level = debug\n"
      "setting_of_another_version = 1\n");
  const Parsed parsed = Parse({"--launched", "--config", file.path(), "--wake-fds", "7,8"});
  ASSERT_TRUE(parsed.accepted) << parsed.printed;
  EXPECT_TRUE(parsed.options.launched);
  EXPECT_EQ(parsed.options.wake_fds, (std::vector<int>{7, 8}));
  EXPECT_EQ(parsed.options.database, "my db");
  EXPECT_EQ(parsed.options.listen_address, "::");
  EXPECT_EQ(parsed.options.port, 4001);
  EXPECT_TRUE(parsed.options.allow_anonymous);
  EXPECT_EQ(parsed.options.allowed_origins, "https://a.example, https://b.example:8443");
  EXPECT_EQ(parsed.options.outbox_size, 1073741824);
  EXPECT_EQ(parsed.options.log_level, LogLevel::kDebug);
}

TEST(OptionsTest, AFileThatIsWrongLeavesTheOptionsAsTheyWere) {
  const ConfigFile file("max_connections = 5\n");
  const std::vector<std::string> given{"--config", file.path()};
  const std::vector<const char*> arguments = Arguments(given);
  const int count = static_cast<int>(arguments.size());
  Options options;
  EXPECT_EQ(ReloadOptions(count, arguments.data(), &options), "");
  EXPECT_EQ(options.max_connections, 5);
  file.Write("max_connections = 0\n");
  EXPECT_NE(ReloadOptions(count, arguments.data(), &options).find("--max-connections"),
            std::string::npos);
  EXPECT_EQ(options.max_connections, 5);
}

TEST(OptionsTest, ASettingThatLeftTheFileIsAtItsDefaultAgain) {
  const ConfigFile file("max_connections = 5\n");
  const std::vector<std::string> given{"--config", file.path()};
  const std::vector<const char*> arguments = Arguments(given);
  const int count = static_cast<int>(arguments.size());
  Options options;
  EXPECT_EQ(ReloadOptions(count, arguments.data(), &options), "");
  file.Write("");
  EXPECT_EQ(ReloadOptions(count, arguments.data(), &options), "");
  EXPECT_EQ(options.max_connections, Options().max_connections);
}

// A variable of the environment, gone at the end.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Variable() { unsetenv(name_); }

 private:
  const char* const name_;
};

TEST(OptionsTest, TheCommandLineGoesBeforeTheEnvironmentAndThatBeforeTheFile) {
  const ConfigFile file("port = 4001\nmax_connections = 7\n");
  const Variable port("FRAISEQL_SUBS_PORT", "4002");
  Parsed parsed = Parse({"--config", file.path()});
  ASSERT_TRUE(parsed.accepted) << parsed.printed;
  EXPECT_EQ(parsed.options.port, 4002);
  EXPECT_EQ(parsed.options.max_connections, 7u);
  EXPECT_EQ(parsed.options.config_file, file.path());
  EXPECT_EQ(Parse({"--config", file.path(), "--port", "4003"}).options.port, 4003);
}

TEST(OptionsTest, TheFileOfTheCommandLineIsReadInPlaceOfThatOfTheEnvironment) {
  const ConfigFile file("port = 4001\n");
  const Variable config("FRAISEQL_SUBS_CONFIG", file.path().c_str());
  EXPECT_EQ(Parse({}).options.port, 4001);
  EXPECT_EQ(Parse({"--config", "/dev/null"}).options.port, 4000);
}

TEST(OptionsTest, WhatIsWrongInTheEnvironmentIsToldAsSuch) {
  const Variable port("FRAISEQL_SUBS_PORT", "tcp://10.0.0.1:4000");
  const Parsed parsed = Parse({});
  EXPECT_FALSE(parsed.accepted);
  EXPECT_NE(parsed.exit_code, 0);
  EXPECT_NE(parsed.printed.find("in the environment"), std::string::npos) << parsed.printed;
  EXPECT_NE(parsed.printed.find("--port"), std::string::npos) << parsed.printed;
}

TEST(OptionsTest, TheEnvironmentIsNothingToWhomPostgreSqlHasStarted) {
  const Variable port("FRAISEQL_SUBS_PORT", "4002");
  EXPECT_EQ(Parse({"--launched"}).options.port, 4000);
}

TEST(OptionsTest, VariablesThatAreNoOptionsAreFound) {
  const Variable known("FRAISEQL_SUBS_ALLOW_ANONYMOUS", "on");
  const Variable misspelt("FRAISEQL_SUBS_ALOW_ANONYMOUS", "on");
  const Variable in_small_letters("FRAISEQL_SUBS_port", "1");
  const Variable of_another("FRAISEQL_SUBSCRIBERS", "1");
  EXPECT_THAT(FindUnknownVariables(),
              UnorderedElementsAre("FRAISEQL_SUBS_ALOW_ANONYMOUS", "FRAISEQL_SUBS_port"));
}

TEST(OptionsTest, WhatKubernetesSetsForAServiceIsNotTakenForMisspelt) {
  const Variable host("FRAISEQL_SUBS_SERVICE_HOST", "10.0.0.1");
  const Variable service_port("FRAISEQL_SUBS_SERVICE_PORT", "4000");
  const Variable address("FRAISEQL_SUBS_PORT_4000_TCP_ADDR", "10.0.0.1");
  EXPECT_THAT(FindUnknownVariables(), IsEmpty());
}

TEST(OptionsTest, ANodesThreadsHaveASecondName) {
  EXPECT_EQ(Parse({"--shards", "3"}).options.worker_threads, 3u);
  EXPECT_EQ(Parse({"--worker-threads", "3"}).options.worker_threads, 3u);
}

TEST(OptionsTest, TheHelpPageExplainsEachSettingOfTheWorker) {
  const Parsed parsed = Parse({"--help"});
  EXPECT_FALSE(parsed.accepted);
  EXPECT_EQ(parsed.exit_code, 0);
  std::istringstream lines(parsed.printed);
  std::string page;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 80) << line;
    page += line.substr(std::min(line.find_first_not_of(' '), line.size())) + " ";
  }
  for (const Setting& setting : kSettings) {
    const size_t at = page.find(Flag(setting.name) + " ");
    ASSERT_EQ(at != std::string::npos, IsOption(setting)) << setting.name;
    if (!IsOption(setting)) continue;
    EXPECT_LT(page.find("default " + DefaultOf(setting) + ") " + setting.sentence, at),
              page.find(" --", at))
        << setting.name;
  }
  EXPECT_NE(page.find("MILLISECONDS (0 or 100 to 3600000, default 12000)"), std::string::npos);
}

}  // namespace
}  // namespace fsubs
