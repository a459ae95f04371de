#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "worker/base/log.hpp"
#include "worker/base/options.hpp"
#include "worker/key_fetch/fetcher_process.hpp"
#include "worker/mapped_ring.hpp"
#include "worker/worker.hpp"

int main(int argc, char** argv) {
  fsubs::Options options;
  int exit_code = 0;
  if (!fsubs::ParseOptions(argc, argv, &options, &exit_code)) return exit_code;
  fsubs::SetLogFormat(options.launched ? fsubs::LogFormat::kLauncher : fsubs::LogFormat::kTerminal);
  if (options.ring_fd < 0 || options.reader_page_fd < 0 || options.wake_fds.empty()) {
    fsubs::Log(fsubs::LogLevel::kError,
               "no event ring was passed: PostgreSQL starts this program when "
               "shared_preload_libraries contains fraiseql_subs");
    return 2;
  }
  std::string error;
  std::unique_ptr<fsubs::EventRing> ring =
      fsubs::MappedRing::Map(options.ring_fd, options.reader_page_fd, options.wake_fds, &error);
  if (!ring) {
    fsubs::Log(fsubs::LogLevel::kError, "could not attach to the event ring: %s", error.c_str());
    return 1;
  }
  const fsubs::FetcherProcess fetcher = fsubs::StartFetcher(
      options.sandbox ? fsubs::Confinement::kOn : fsubs::Confinement::kOff, &error);
  if (fetcher.channel < 0) {
    fsubs::Log(fsubs::LogLevel::kError,
               "could not start the process that fetches keys of issuers with a jwks_url: %s",
               error.c_str());
  }
  static fsubs::Worker worker(argc, argv, options, std::move(ring), fetcher);
  // Not exit(): the shards' threads still use what destructors would take away.
  _exit(worker.Run());
}
