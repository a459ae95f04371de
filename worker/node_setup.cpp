#include "worker/node_setup.hpp"

#include "worker/base/read_file.hpp"
#include "worker/base/version.hpp"
#include "worker/bus/memory/catalog_file.hpp"
#include "worker/bus/memory/line_source.hpp"
#include "worker/bus/postgresql/postgresql_reader.hpp"
#include "worker/bus/redis/redis_reader.hpp"
#include "worker/bus/redis/redis_setup.hpp"

namespace fsubs {

namespace {

void CheckMemory(const Options& options, const PassedSockets& sockets,
                 std::vector<std::string>* problems) {
  if (options.events.empty() && sockets.events < 0) {
    problems->emplace_back(
        "no events would come: --events - takes them from standard input, --events PATH from a "
        "Unix socket");
  }
  std::string error;
  if (!options.catalog.empty() && !ReadCatalogFile(options.catalog, &error)) {
    problems->push_back(error);
  }
}

void CheckRedis(const Options& options, std::vector<std::string>* problems) {
  RedisAccess access;
  const std::string problem = ReadRedisAccess(options, &access);
  if (!problem.empty()) problems->push_back(problem);
}

void CheckPostgresql(const Options& options, std::vector<std::string>* problems) {
  if (!options.catalog.empty() || !options.events.empty()) {
    problems->emplace_back(
        "catalog and events are for --bus memory: with --bus postgresql both come from the "
        "database");
  }
  if (options.bus_url.empty()) {
    problems->emplace_back("no database is named: --bus-url has the connection string of one");
    return;
  }
  BusCounters counters;
  const std::string problem =
      PostgresqlReader(options.bus_url, options.bus_listen_url, &counters).Open();
  if (!problem.empty()) problems->push_back(problem);
}

}  // namespace

std::vector<std::string> FindNodeProblems(const Options& options, const PassedSockets& sockets) {
  std::vector<std::string> problems;
  if (!options.has_bus) {
    problems.emplace_back(
        "no bus is named: --bus memory serves without PostgreSQL, --bus redis what a server "
        "publishes there, --bus postgresql what a database keeps");
    return problems;
  }
  switch (options.bus) {
    case Bus::kMemory:
      CheckMemory(options, sockets, &problems);
      break;
    case Bus::kRedis:
      CheckRedis(options, &problems);
      break;
    case Bus::kPostgresql:
      CheckPostgresql(options, &problems);
      break;
  }
  if (!options.authenticate.empty()) {
    problems.emplace_back(
        "authenticate names a function of a database, which nodes do not call: leave it out, and "
        "register the issuers of tokens in the catalog");
  }
  return problems;
}

std::unique_ptr<BusReader> MakeBusReader(const Options& options, const PassedSockets& sockets,
                                         KeptProcess dialer, BusCounters* counters,
                                         std::string* error) {
  if (options.bus == Bus::kMemory) {
    return std::make_unique<LineSource>(options.events, sockets.events);
  }
  if (options.bus == Bus::kPostgresql) {
    return std::make_unique<PostgresqlReader>(options.bus_url, options.bus_listen_url, counters);
  }
  RedisReader::Setup setup;
  *error = ReadRedisAccess(options, &setup.access);
  if (!error->empty()) return nullptr;
  setup.dialer = dialer;
  setup.database = options.database;
  setup.node = NodeName(options);
  setup.version = kVersion;
  setup.role = options.launched ? "standby" : "subscriber";
  setup.counters = counters;
  return std::make_unique<RedisReader>(std::move(setup));
}

std::vector<std::string> DirectoriesToRead(const Options& options) {
  std::vector<std::string> directories;
  std::vector<std::string> files = {options.catalog, options.config_file};
  if (options.ssl) {
    files.insert(files.end(), {options.ssl_cert_file, options.ssl_key_file, options.ssl_ca_file});
  }
  for (const std::string& file : files) {
    if (!file.empty()) directories.push_back(DirectoryOf(file));
  }
  return directories;
}

}  // namespace fsubs
