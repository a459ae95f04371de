#include "worker/base/options.hpp"

#include <CLI/CLI.hpp>
#include <map>

namespace fsubs {
namespace {

constexpr char kDescription[] =
    "Serves GraphQL subscriptions over graphql-transport-ws from the event ring of a PostgreSQL\n"
    "server with the extension fraiseql_subs, which starts this program itself. Sizes are in "
    "bytes,\n"
    "times in milliseconds.";

constexpr char kFooter[] =
    "SIGHUP reads the configuration file again. SIGTERM drains: every subscription is completed, "
    "every\n"
    "connection closed with 1001, and the program ends within --drain-timeout.";

// An option under its setting's name; CLI11 takes "a-b" on the command line and "a_b" in the file.
template <typename Value>
CLI::Option* Add(CLI::App* app, const std::string& setting, Value* value, const char* help) {
  std::string flag = setting;
  std::replace(flag.begin(), flag.end(), '_', '-');
  const std::string names = flag == setting ? "--" + setting : "--" + flag + ",--" + setting;
  return app->add_option(names, *value, help)->capture_default_str();
}

void Declare(CLI::App* app, Options* options) {
  app->description(kDescription);
  app->footer(kFooter);
  app->set_config("--config", "", "File of `name = value` lines with the options below");
  // The launcher writes every setting, also those that only backends read.
  app->allow_config_extras(true);
  app->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);

  app->add_flag("--launched", options->launched)->group("");
  Add(app, "ring_fd", &options->ring_fd, "")->group("");
  Add(app, "reader_page_fd", &options->reader_page_fd, "")->group("");
  app->add_option("--wake-fds,--wake_fds", options->wake_fds)
      ->delimiter(',')
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group("");

  Add(app, "socket", &options->socket_path, "Unix socket for executors and backends");
  Add(app, "listen_address", &options->listen_address, "IP address to listen on")
      ->check(CLI::ValidIPV4 | CLI::Validator(
                                   [](std::string& text) {
                                     return text.find(':') != std::string::npos
                                                ? ""
                                                : "not an IP address";
                                   },
                                   ""));
  Add(app, "port", &options->port, "TCP port to listen on")->check(CLI::Range(1, 65535));
  Add(app, "database", &options->database, "Database that is served; for messages only");

  Add(app, "allow_anonymous", &options->allow_anonymous, "Accept clients without credentials");
  Add(app, "allowed_origins", &options->allowed_origins,
      "Origins of web pages that may connect, separated by commas; * for any");
  Add(app, "introspection", &options->introspection, "Let clients ask for the schema");
  Add(app, "playground", &options->playground, "Serve a page at / for trying subscriptions");
  Add(app, "init_timeout", &options->init_timeout, "Time a client has to send connection_init")
      ->check(CLI::Range(uint64_t{10}, uint64_t{3600000}));
  Add(app, "keepalive_interval", &options->keepalive_interval,
      "Silence after which a client is pinged, and after as much again cut off; 0 never pings")
      ->check(CLI::Range(uint64_t{0}, uint64_t{3600000}));
  Add(app, "max_message_size", &options->max_message_size, "Largest message taken from a client")
      ->check(CLI::Range(size_t{1024}, size_t{16} << 20));
  Add(app, "max_connections", &options->max_connections, "Clients connected at a time")
      ->check(CLI::Range(size_t{1}, size_t{1000000}));
  Add(app, "max_subscriptions_per_connection", &options->max_subscriptions_per_connection,
      "Subscriptions of one client at a time")
      ->check(CLI::Range(size_t{1}, size_t{100000}));
  Add(app, "outbox_size", &options->outbox_size,
      "Bytes that may wait for a slow client before it is closed with 4413")
      ->check(CLI::Range(size_t{16} << 10, size_t{1} << 30));
  Add(app, "max_query_tokens", &options->max_query_tokens, "Tokens in a client's document")
      ->check(CLI::Range(size_t{10}, size_t{1000000}));
  Add(app, "max_query_depth", &options->max_query_depth, "Nesting of a client's document")
      ->check(CLI::Range(size_t{1}, size_t{200}));
  Add(app, "max_query_size", &options->max_query_size, "Largest document taken from a client")
      ->check(CLI::Range(size_t{256}, size_t{16} << 20));
  Add(app, "max_query_aliases", &options->max_query_aliases,
      "Aliases in a client's document, fragments expanded")
      ->check(CLI::Range(size_t{0}, size_t{1000000}));
  Add(app, "max_query_selections", &options->max_query_selections,
      "Fields selected by a client's document, fragments expanded")
      ->check(CLI::Range(size_t{1}, size_t{20000}));
  Add(app, "drain_timeout", &options->drain_timeout, "Time clients have to leave after SIGTERM")
      ->check(CLI::Range(uint64_t{0}, uint64_t{600000}));
  const std::map<std::string, LogLevel> levels{{"debug", LogLevel::kDebug},
                                               {"log", LogLevel::kLog},
                                               {"info", LogLevel::kLog},
                                               {"warning", LogLevel::kWarning},
                                               {"error", LogLevel::kError}};
  Add(app, "log_level", &options->log_level, "Least important lines logged")
      ->transform(CLI::CheckedTransformer(levels, CLI::ignore_case));
}

}  // namespace

bool ParseOptions(int argc, char** argv, Options* options, int* exit_code) {
  CLI::App app;
  Declare(&app, options);
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& error) {
    *exit_code = app.exit(error);
    return false;
  }
}

std::string ReloadOptions(int argc, char** argv, Options* options) {
  CLI::App app;
  Options reread;
  Declare(&app, &reread);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  *options = reread;
  return {};
}

}  // namespace fsubs
