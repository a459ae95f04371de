#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "worker/base/log.hpp"
#include "worker/base/options.hpp"
#include "worker/bus/bus_feed.hpp"
#include "worker/bus/private_ring.hpp"
#include "worker/bus/redis/redis_setup.hpp"
#include "worker/key_fetch/fetcher_process.hpp"
#include "worker/mapped_ring.hpp"
#include "worker/node_setup.hpp"
#include "worker/service_manager.hpp"
#include "worker/tls_setup.hpp"
#include "worker/worker.hpp"

namespace fsubs {
namespace {

// What getopt's users return for a command line that makes no sense.
constexpr int kMisused = 2;

int Fail(const std::string& error, int code = 1) {
  Log(LogLevel::kError, "%s", error.c_str());
  return code;
}

int CheckConfig(const Options& options, const PassedSockets& sockets) {
  std::vector<std::string> problems = FindNodeProblems(options, sockets);
  std::string error;
  if (options.is_node() && options.ssl && !MakeTls(options, &error)) {
    problems.push_back(error);
  }
  for (const std::string& problem : problems) Log(LogLevel::kError, "%s", problem.c_str());
  if (problems.empty()) std::puts("a node can be started with this configuration");
  return problems.empty() ? 0 : 1;
}

// Where there is no bus for it, a server's own clients are served none the less.
void StartDialerOf(const Options& options, WorkerParts* parts) {
  if (options.bus != Bus::kRedis) return;
  std::string error;
  parts->dialer = StartRedisDialer(options, &error);
  if (parts->dialer.channel >= 0) return;
  Log(LogLevel::kError, "could not start the process that connects to Redis: %s", error.c_str());
}

// Where a standby has a bus: nobody writes into its own ring, so another one is served, which the
// bus fills.
void ServeFromBus(const Options& options, WorkerParts* parts) {
  const RingHeader* const server = parts->ring->ring();
  std::string error;
  auto ring = PrivateRing::Make(server->capacity, parts->ring->wake_fds().size(), &error);
  auto reader = ring == nullptr ? nullptr
                                : MakeBusReader(options, parts->sockets, parts->dialer,
                                                parts->bus.get(), &error);
  if (reader != nullptr) error = reader->Open();
  if (!error.empty()) {
    Log(LogLevel::kError, "while this server is a standby nobody is served: %s", error.c_str());
    return;
  }
  parts->feed = std::make_unique<BusFeed>(ring.get(), std::move(reader), &server->replayed_lsn,
                                          parts->bus.get());
  parts->server_ring = std::move(parts->ring);
  parts->ring = std::move(ring);
}

// Fill in what a worker is made from, for one that PostgreSQL's launcher has started. Returns the
// exit code, or 0.
int PrepareLaunched(const Options& options, WorkerParts* parts) {
  if (options.ring_fd < 0 || options.reader_page_fd < 0 || options.wake_fds.empty()) {
    return Fail(
        "no event ring was passed: PostgreSQL starts this program when shared_preload_libraries "
        "contains fraiseql_subs; --bus memory serves without PostgreSQL",
        kMisused);
  }
  std::string error;
  StartDialerOf(options, parts);
  parts->ring = MappedRing::Map(options.ring_fd, options.reader_page_fd, options.wake_fds, &error);
  if (!parts->ring) return Fail("could not attach to the event ring: " + error);
  const uint64_t state = parts->ring->ring()->server_state.load();
  if (options.bus == Bus::kRedis && (state & kServerInRecovery) != 0) {
    ServeFromBus(options, parts);
  }
  return 0;
}

// The same for a node without a database.
int PrepareNode(const Options& options, WorkerParts* parts) {
  const std::vector<std::string> problems = FindNodeProblems(options, parts->sockets);
  for (const std::string& problem : problems) Log(LogLevel::kError, "%s", problem.c_str());
  if (!problems.empty()) return 1;
  std::string error;
  StartDialerOf(options, parts);
  auto ring = PrivateRing::Make(options.ring_size / 8 * 8, options.worker_threads, &error);
  if (!ring) return Fail(error);
  auto reader = MakeBusReader(options, parts->sockets, parts->dialer, parts->bus.get(), &error);
  if (!reader) return Fail(error);
  parts->feed = std::make_unique<BusFeed>(ring.get(), std::move(reader));
  parts->ring = std::move(ring);
  error = parts->feed->Open();
  return error.empty() ? 0 : Fail(error);
}

int Main(int argc, char** argv) {
  Options options;
  int exit_code = 0;
  if (!ParseOptions(argc, argv, &options, &exit_code)) return exit_code;
  SetLogFormat(options.launched ? LogFormat::kLauncher : LogFormat::kTerminal);
  WorkerParts parts;
  if (!options.launched) {
    for (const std::string& variable : FindUnknownVariables()) {
      Log(LogLevel::kWarning, "the variable %s in the environment is no option's; see --help",
          variable.c_str());
    }
    const std::string error = TakePassedSockets(&parts.sockets);
    if (!error.empty()) return Fail(error);
  }
  if (options.check_config) return CheckConfig(options, parts.sockets);
  // First, since it keeps what is mapped by then.
  std::string error;
  parts.fetcher = StartFetcher(options.sandbox ? Confinement::kOn : Confinement::kOff, &error);
  if (parts.fetcher.channel < 0) {
    Log(LogLevel::kError,
        "could not start the process that fetches keys of issuers with a jwks_url: %s",
        error.c_str());
  }
  exit_code = options.is_node() ? PrepareNode(options, &parts) : PrepareLaunched(options, &parts);
  if (exit_code != 0) return exit_code;
  if (parts.sockets.port >= 0) {
    AddressOf(parts.sockets.port, &options.listen_address, &options.port);
  }
  static Worker worker(argc, argv, options, std::move(parts));
  return worker.Run();
}

}  // namespace
}  // namespace fsubs

int main(int argc, char** argv) {
  // Not exit(): the shards' threads still use what destructors would take away.
  const int code = fsubs::Main(argc, argv);
  std::fflush(stdout);
  _exit(code);
}
