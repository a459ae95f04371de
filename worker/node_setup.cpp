#include "worker/node_setup.hpp"

#include "worker/base/read_file.hpp"
#include "worker/base/version.hpp"
#include "worker/bus/memory/catalog_file.hpp"
#include "worker/bus/memory/line_source.hpp"
#include "worker/bus/redis/redis_reader.hpp"
#include "worker/bus/redis/redis_setup.hpp"

namespace fsubs {

std::vector<std::string> FindNodeProblems(const Options& options, const PassedSockets& sockets) {
  std::vector<std::string> problems;
  if (!options.has_bus) {
    problems.emplace_back("no bus is named: --bus memory serves without PostgreSQL");
    return problems;
  }
  if (options.bus == Bus::kPostgresql) problems.emplace_back("there is no bus postgresql yet");
  if (options.bus == Bus::kRedis) {
    RedisAccess access;
    const std::string problem = ReadRedisAccess(options, &access);
    if (!problem.empty()) problems.push_back(problem);
  }
  if (options.bus == Bus::kMemory && options.events.empty() && sockets.events < 0) {
    problems.emplace_back(
        "no events would come: --events - takes them from standard input, --events PATH from a "
        "Unix "
        "socket");
  }
  if (!options.authenticate.empty()) {
    problems.emplace_back(
        "authenticate names a function of a database, and this node has none: leave it out, and "
        "register the issuers of tokens in the catalog");
  }
  if (options.catalog.empty()) return problems;
  std::string error;
  if (!ReadCatalogFile(options.catalog, &error)) problems.push_back(error);
  return problems;
}

std::unique_ptr<BusReader> MakeBusReader(const Options& options, const PassedSockets& sockets,
                                         KeptProcess dialer, BusCounters* counters,
                                         std::string* error) {
  if (options.bus != Bus::kRedis) {
    return std::make_unique<LineSource>(options.events, sockets.events);
  }
  RedisReader::Setup setup;
  *error = ReadRedisAccess(options, &setup.access);
  if (!error->empty()) return nullptr;
  setup.dialer = dialer;
  setup.database = options.database;
  setup.node = NodeName(options);
  setup.version = kVersion;
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
