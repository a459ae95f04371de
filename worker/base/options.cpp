#include "worker/base/options.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <span>
#include <type_traits>
#include <variant>

#include "contract/allowed_origins.hpp"
#include "contract/limit.hpp"
#include "worker/base/options_help.hpp"

namespace fsubs {
namespace {

using Member =
    std::variant<bool Options::*, uint16_t Options::*, uint64_t Options::*, std::string Options::*,
                 LogLevel Options::*, TlsVersion Options::*, Bus Options::*>;

// Where the value of a setting goes.
struct Binding {
  size_t setting;
  Member member;
};

constexpr Binding kBindings[] = {
    {SettingIndex("database"), &Options::database},
    {SettingIndex("listen_address"), &Options::listen_address},
    {SettingIndex("port"), &Options::port},
    {SettingIndex("unix_socket"), &Options::unix_socket},
    {SettingIndex("proxy_protocol_from"), &Options::proxy_protocol_from},
    {SettingIndex("ssl"), &Options::ssl},
    {SettingIndex("ssl_cert_file"), &Options::ssl_cert_file},
    {SettingIndex("ssl_key_file"), &Options::ssl_key_file},
    {SettingIndex("ssl_ca_file"), &Options::ssl_ca_file},
    {SettingIndex("ssl_ciphers"), &Options::ssl_ciphers},
    {SettingIndex("ssl_min_protocol_version"), &Options::ssl_min_protocol_version},
    {SettingIndex("sandbox"), &Options::sandbox},
    {SettingIndex("bus"), &Options::bus},
    {SettingIndex("bus_url"), &Options::bus_url},
    {SettingIndex("bus_ca_file"), &Options::bus_ca_file},
    {SettingIndex("bus_max_length"), &Options::bus_max_length},
    {SettingIndex("bus_max_age"), &Options::bus_max_age},
    {SettingIndex("node_name"), &Options::node_name},
    {SettingIndex("standby_waits_for_replay"), &Options::standby_waits_for_replay},
    {SettingIndex("allow_anonymous"), &Options::allow_anonymous},
    {SettingIndex("token_in_url"), &Options::token_in_url},
    {SettingIndex("authenticate"), &Options::authenticate},
    {SettingIndex("authenticate_timeout"), &Options::authenticate_timeout},
    {SettingIndex("expiry_notice"), &Options::expiry_notice},
    {SettingIndex("audit_log"), &Options::audit_log},
    {SettingIndex("allowed_origins"), &Options::allowed_origins},
    {SettingIndex("introspection"), &Options::introspection},
    {SettingIndex("playground"), &Options::playground},
    {SettingIndex("init_timeout"), &Options::init_timeout},
    {SettingIndex("keepalive_interval"), &Options::keepalive_interval},
    {SettingIndex("max_message_size"), &Options::max_message_size},
    {SettingIndex("max_connections"), &Options::max_connections},
    {SettingIndex("max_unfinished_per_address"), &Options::max_unfinished_per_address},
    {SettingIndex("max_subscriptions_per_connection"), &Options::max_subscriptions_per_connection},
    {SettingIndex("max_connection_memory"), &Options::max_connection_memory},
    {SettingIndex("outbox_size"), &Options::outbox_size},
    {SettingIndex("max_query_tokens"), &Options::max_query_tokens},
    {SettingIndex("max_query_depth"), &Options::max_query_depth},
    {SettingIndex("max_query_size"), &Options::max_query_size},
    {SettingIndex("max_query_aliases"), &Options::max_query_aliases},
    {SettingIndex("max_query_selections"), &Options::max_query_selections},
    {SettingIndex("max_filter_conditions"), &Options::max_filter_conditions},
    {SettingIndex("max_held_size"), &Options::max_held_size},
    {SettingIndex("limit_connections_per_user"), &Options::limit_connections_per_user},
    {SettingIndex("limit_connections_per_address"), &Options::limit_connections_per_address},
    {SettingIndex("limit_connections_per_tenant"), &Options::limit_connections_per_tenant},
    {SettingIndex("limit_new_connections_per_address"),
     &Options::limit_new_connections_per_address},
    {SettingIndex("limit_subscriptions_per_user"), &Options::limit_subscriptions_per_user},
    {SettingIndex("limit_subscriptions_created_per_user"),
     &Options::limit_subscriptions_created_per_user},
    {SettingIndex("limit_events_per_subscription"), &Options::limit_events_per_subscription},
    {SettingIndex("limit_events_per_user"), &Options::limit_events_per_user},
    {SettingIndex("limit_messages_per_connection"), &Options::limit_messages_per_connection},
    {SettingIndex("slow_timeout"), &Options::slow_timeout},
    {SettingIndex("drain_timeout"), &Options::drain_timeout},
    {SettingIndex("log_level"), &Options::log_level},
};

// Settings that PostgreSQL's launcher has obeyed before it starts the program.
constexpr Binding kNodeBindings[] = {
    {SettingIndex("worker_threads"), &Options::worker_threads},
    {SettingIndex("ring_size"), &Options::ring_size},
};

template <typename Value>
struct SettingKindOf {
  using Type = IntegerSetting;
};
template <>
struct SettingKindOf<bool> {
  using Type = BoolSetting;
};
template <>
struct SettingKindOf<std::string> {
  using Type = StringSetting;
};
template <>
struct SettingKindOf<LogLevel> {
  using Type = EnumSetting;
};
template <>
struct SettingKindOf<Bus> {
  using Type = EnumSetting;
};
template <>
struct SettingKindOf<TlsVersion> {
  using Type = EnumSetting;
};

// Whether members of type Value can hold the setting.
template <typename Value>
constexpr bool Fits(const Setting& setting, Value Options::*) {
  using Kind = typename SettingKindOf<Value>::Type;
  if (!std::holds_alternative<Kind>(setting.value)) return false;
  if constexpr (std::is_same_v<Kind, IntegerSetting>) {
    const auto& integer = std::get<Kind>(setting.value);
    return integer.min >= 0 &&
           static_cast<uint64_t>(integer.max) <= std::numeric_limits<Value>::max();
  }
  return true;
}

consteval bool AllAreBound() {
  for (size_t i = 0; i < kSettingCount; ++i) {
    int times = 0;
    for (const Binding& binding : kBindings) {
      if (binding.setting != i) continue;
      ++times;
      if (!std::visit([&](auto member) { return Fits(kSettings[i], member); }, binding.member)) {
        return false;
      }
    }
    if (times != (kSettings[i].is_worker_option ? 1 : 0)) return false;
  }
  return true;
}

static_assert(AllAreBound(), "each setting of the worker needs one member of its kind");

// An option under its setting's name: "a-b" on the command line, "a_b" in the file.
template <typename Value>
CLI::Option* Add(CLI::App* app, const std::string& setting, Value* value) {
  std::string flag = setting;
  std::replace(flag.begin(), flag.end(), '_', '-');
  std::string names = flag == setting ? "--" + setting : "--" + flag + ",--" + setting;
  if (setting == "worker_threads") names += ",--shards";
  return app->add_option(names, *value);
}

CLI::Validator RangeOf(const IntegerSetting& setting) {
  const CLI::Range range(static_cast<uint64_t>(setting.min), static_cast<uint64_t>(setting.max));
  if (!setting.zero_is_off) return range;
  return CLI::Range(uint64_t{0}, uint64_t{0}) | range;
}

template <typename Value>
CLI::Validator NameIn(const EnumSetting& setting) {
  std::map<std::string, Value> values;
  for (const Choice& choice : setting.choices) {
    values.emplace(choice.name, static_cast<Value>(choice.value));
  }
  return CLI::CheckedTransformer(values, CLI::ignore_case);
}

template <typename Value>
void Add(CLI::App* app, const Setting& setting, Value* value) {
  CLI::Option* const option = Add(app, setting.name, value);
  DescribeOption(option, setting);
  if (const auto* integer = std::get_if<IntegerSetting>(&setting.value)) {
    option->check(RangeOf(*integer));
  } else if constexpr (std::is_enum_v<Value>) {
    option->transform(NameIn<Value>(std::get<EnumSetting>(setting.value)));
  }
}

CLI::Validator IpAddress() {
  return CLI::ValidIPV4 | CLI::Validator(
                              [](std::string& text) {
                                return text.find(':') != std::string::npos ? ""
                                                                           : "not an IP address";
                              },
                              "");
}

CLI::Validator Origins() {
  return CLI::Validator(
      [](std::string& list) -> std::string {
        const auto problem = FindOriginProblem(list);
        if (!problem) return {};
        return "\"" + std::string(problem->entry) + "\" " + problem->detail + ". " + problem->hint;
      },
      "");
}

CLI::Validator LimitOf(LimitForm form) {
  return CLI::Validator(
      [form](std::string& text) -> std::string {
        LimitValue value;
        const char* const problem = text.empty() ? nullptr : ParseLimit(form, text, &value);
        return problem == nullptr ? std::string() : std::string(problem) + " " + HintOf(form);
      },
      "");
}

// What only a node without a database has. The two that are no settings of PostgreSQL's are read
// from the environment, too.
constexpr const char* kNodeOptions[] = {"bus_listen_url", "catalog", "events", "exit_at_end"};

void DeclareNode(CLI::App* app, Options* options) {
  constexpr char kGroup[] = "Without PostgreSQL";
  CLI::Option* const bus = app->get_option("--bus");
  bus->each([options](const std::string&) { options->has_bus = true; });
  bus->group(kGroup);
  Add(app, "bus_listen_url", &options->bus_listen_url)
      ->group(kGroup)
      ->option_text("CONNECTION")
      ->description(
          "With the bus postgresql, the connection string of the session that waits for "
          "notifications, where the one of bus_url goes through a pooler.");
  Add(app, "catalog", &options->catalog)
      ->group(kGroup)
      ->option_text("FILE")
      ->description("What clients may subscribe to, in JSON. Read again at SIGHUP.");
  Add(app, "events", &options->events)
      ->group(kGroup)
      ->option_text("- | PATH")
      ->description("Where events are written: standard input, or a Unix socket made there.");
  Add(app, "exit_at_end", &options->exit_at_end)
      ->group(kGroup)
      ->option_text("BOOLEAN (true or false, default false)")
      ->description("Drain and end when standard input ends, and not only at SIGTERM.");
  for (const Binding& binding : kNodeBindings) {
    std::visit(
        [&](auto member) {
          const Setting& setting = kSettings[binding.setting];
          Add(app, setting, &(options->*member));
          std::string flag = setting.name;
          std::replace(flag.begin(), flag.end(), '_', '-');
          app->get_option("--" + flag)->group(kGroup);
        },
        binding.member);
  }
  app->add_flag("--check-config", options->check_config)
      ->group(kGroup)
      ->description("Only say whether such a node could start: exit with 0 if so, or with 1.");
}

enum class File { kIsRead, kIsNotRead };

bool IsLaunched(int argc, const char* const* argv) {
  return std::find(argv, argv + argc, std::string_view("--launched")) != argv + argc;
}

void Declare(CLI::App* app, Options* options, File file, bool is_launched) {
  SetHelpPage(app);
  CLI::Option* const config =
      file == File::kIsRead ? app->set_config("--config") : app->add_option("--config");
  config->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  config->each([options](const std::string& path) { options->config_file = path; });
  config->description("File of `name = value` lines, each one of the options below with _ for -.")
      ->option_text("FILE");
  // After an upgrade, a server that was not restarted writes the settings of its own version.
  // CLI11 2.4 refuses the values of such settings if it is told to ignore their names.
  app->allow_config_extras(file == File::kIsRead && is_launched);
  app->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);

  app->add_flag("--launched", options->launched)->group("");
  Add(app, "ring_fd", &options->ring_fd)->group("");
  Add(app, "reader_page_fd", &options->reader_page_fd)->group("");
  Add(app, "tls_fd", &options->tls_fd)->group("");
  app->add_option("--wake-fds,--wake_fds", options->wake_fds)
      ->delimiter(',')
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group("");
  Add(app, "socket", &options->socket_path)
      ->option_text("PATH")
      ->description("Unix socket for executors and backends.");
  for (const Binding& binding : kBindings) {
    std::visit([&](auto member) { Add(app, kSettings[binding.setting], &(options->*member)); },
               binding.member);
  }
  DeclareNode(app, options);
  app->get_option("--listen-address")->check(IpAddress());
  app->get_option("--allowed-origins")->check(Origins());
  for (size_t i = 0; i < IndexOf(LimitKey::kRateLimit); ++i) {
    const LimitKind& kind = kLimitKinds[i];
    app->get_option("--limit_" + std::string(kind.key))->check(LimitOf(kind.form));
  }
}

constexpr char kEnvironmentPrefix[] = "FRAISEQL_SUBS_";

// The options that the environment may set, by the names of their variables.
std::map<std::string, std::string> OptionsByVariable() {
  std::vector<std::string> names(std::begin(kNodeOptions), std::end(kNodeOptions));
  names.emplace_back("config");
  for (const Binding& binding : kNodeBindings) names.emplace_back(kSettings[binding.setting].name);
  for (const Binding& binding : kBindings) names.emplace_back(kSettings[binding.setting].name);
  std::map<std::string, std::string> options;
  for (const std::string& name : names) {
    std::string variable = kEnvironmentPrefix;
    for (const char letter : name) {
      variable += letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    }
    options.emplace(variable, name);
  }
  return options;
}

// What the environment says, as arguments.
std::vector<std::string> EnvironmentArguments() {
  std::vector<std::string> arguments;
  for (const auto& [variable, name] : OptionsByVariable()) {
    const char* const value = std::getenv(variable.c_str());
    if (value != nullptr) arguments.push_back("--" + name + "=" + value);
  }
  return arguments;
}

// Whether Kubernetes names a variable like that for a service called fraiseql-subs.
bool IsOfService(std::string_view variable) {
  variable.remove_prefix(std::size(kEnvironmentPrefix) - 1);
  return variable.starts_with("SERVICE_") || variable.starts_with("PORT_");
}

// All arguments, of which the last of a name counts. CLI11 wants them backwards.
std::vector<std::string> ArgumentsOf(int argc, const char* const* argv,
                                     const std::vector<std::string>& environment) {
  std::vector<std::string> arguments = environment;
  arguments.insert(arguments.end(), argv + std::min(argc, 1), argv + argc);
  std::reverse(arguments.begin(), arguments.end());
  return arguments;
}

// CLI11's own words for a name in the file that is none of an option are of no help.
void Parse(CLI::App* app, std::vector<std::string> arguments) {
  constexpr std::string_view kUnknown = "INI was not able to parse ";
  constexpr std::string_view kSection = ".++";
  try {
    app->parse(std::move(arguments));
  } catch (const CLI::ConfigError& error) {
    std::string name = error.what();
    if (!name.starts_with(kUnknown)) throw;
    name.erase(0, kUnknown.size());
    if (name.ends_with(kSection)) name = "[" + name.substr(0, name.size() - kSection.size()) + "]";
    throw CLI::ConfigError("--config: \"" + name + "\" in the file is no option",
                           CLI::ExitCodes::ConfigError);
  }
}

void SetDefaults(std::span<const Binding> bindings, Options* options) {
  for (const Binding& binding : bindings) {
    std::visit(
        [&]<typename Value>(Value Options::*member) {
          const auto& kind =
              std::get<typename SettingKindOf<Value>::Type>(kSettings[binding.setting].value);
          options->*member = static_cast<Value>(kind.default_value);
        },
        binding.member);
  }
}

}  // namespace

Options::Options() {
  SetDefaults(kBindings, this);
  SetDefaults(kNodeBindings, this);
}

std::vector<std::string> FindUnknownVariables() {
  const auto known = OptionsByVariable();
  std::vector<std::string> unknown;
  for (char* const* one = environ; *one != nullptr; ++one) {
    const std::string_view line(*one);
    const std::string variable(line.substr(0, line.find('=')));
    if (variable.starts_with(kEnvironmentPrefix) && !known.contains(variable) &&
        !IsOfService(variable)) {
      unknown.push_back(variable);
    }
  }
  return unknown;
}

std::string NodeName(const Options& options) {
  if (!options.node_name.empty()) return options.node_name;
  char host[256] = "";
  if (gethostname(host, sizeof(host) - 1) != 0) return "node:" + std::to_string(options.port);
  return std::string(host) + ":" + std::to_string(options.port);
}

bool ParseOptions(int argc, const char* const* argv, Options* options, int* exit_code) {
  const bool is_launched = IsLaunched(argc, argv);
  const auto parse = [&](const std::vector<std::string>& environment, int count, File file,
                         const char* whose) {
    CLI::App app;
    Declare(&app, options, file, is_launched);
    try {
      Parse(&app, ArgumentsOf(count, argv, environment));
      return true;
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() != 0) std::fputs(whose, stderr);
      *exit_code = app.exit(error) == 0 ? 0 : 1;
      return false;
    }
  };
  const auto environment = is_launched ? std::vector<std::string>() : EnvironmentArguments();
  // CLI11 takes unknown names on the command line too if it takes them in the file, so the command
  // line is looked at alone first.
  return parse(environment, 0, File::kIsNotRead, "in the environment (FRAISEQL_SUBS_…): ") &&
         parse({}, argc, File::kIsNotRead, "") && parse(environment, argc, File::kIsRead, "");
}

std::string ReloadOptions(int argc, const char* const* argv, Options* options) {
  CLI::App app;
  Options reread;
  const bool is_launched = IsLaunched(argc, argv);
  Declare(&app, &reread, File::kIsRead, is_launched);
  try {
    Parse(&app, ArgumentsOf(argc, argv,
                            is_launched ? std::vector<std::string>() : EnvironmentArguments()));
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  *options = reread;
  return {};
}

}  // namespace fsubs
