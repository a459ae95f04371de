// Has clients log in, subscribe and leave, as fast as the server takes them.
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bench/process_usage.hpp"
#include "bench/report.hpp"
#include "bench/subscriber.hpp"
#include "bench/token_file.hpp"
#include "bench/wire.hpp"

namespace fsubs::bench {
namespace {

struct Options {
  Subscriber::Options subscriber;
  pid_t server_pid = 0;
  std::string tokens;
  size_t skip = 0;  // tokens
  size_t at_once = 32;
  double seconds = 5;
};

// One place among those that are taken at once.
class Client : private Subscriber::Sink {
 public:
  void LogIn(const Subscriber::Options& options, std::string_view token) {
    subscribed_ = false;
    subscriber_ = std::make_unique<Subscriber>(0, 1, 1, options, token);
  }

  int fd() const { return subscriber_->fd(); }

  // Returns whether its subscription stands.
  bool Continue(std::span<char> scratch) {
    subscriber_->Receive(scratch, this);
    return subscribed_;
  }

 private:
  void OnSubscribed() override { subscribed_ = true; }
  void OnNext(size_t, int64_t, int64_t, int64_t) override { OnUnexpected("an event"); }
  void OnUnexpected(std::string_view message) override {
    throw std::runtime_error("unexpected: " + std::string(message));
  }

  std::unique_ptr<Subscriber> subscriber_;
  bool subscribed_ = false;
};

Report Run(const Options& options) {
  const std::vector<std::string> tokens = ReadTokens(options.tokens);
  size_t presented = options.skip;
  const auto next_token = [&] { return std::string_view(tokens[presented++ % tokens.size()]); };
  std::vector<Client> clients(options.at_once);
  std::vector<pollfd> waiting(clients.size());
  std::vector<char> scratch(64 * 1024);
  const int64_t begun = NowNs();
  const int64_t server_begun = ProcessCpuNs(options.server_pid);
  const int64_t own_begun = ProcessCpuNs(getpid());
  for (Client& client : clients) client.LogIn(options.subscriber, next_token());
  uint64_t done = 0;
  int64_t now = begun;
  for (; now - begun < static_cast<int64_t>(options.seconds * 1e9); now = NowNs()) {
    for (size_t i = 0; i < clients.size(); ++i) waiting[i] = {clients[i].fd(), POLLIN, 0};
    if (poll(waiting.data(), waiting.size(), 1000) <= 0) {
      throw std::runtime_error("the server does not answer");
    }
    for (size_t i = 0; i < clients.size(); ++i) {
      if (waiting[i].revents == 0 || !clients[i].Continue(scratch)) continue;
      ++done;
      clients[i].LogIn(options.subscriber, next_token());
    }
  }
  const auto elapsed = static_cast<double>(now - begun);
  const auto server = static_cast<double>(ProcessCpuNs(options.server_pid) - server_begun);
  const auto own = static_cast<double>(ProcessCpuNs(getpid()) - own_begun);
  Report report;
  report.Add("log_ins", done);
  report.Add("log_ins_per_second", static_cast<double>(done) / elapsed * 1e9);
  report.Add("server_us_per_log_in", server / static_cast<double>(done) / 1e3);
  report.Add("server_cpu_share", server / elapsed);
  report.Add("load_cpu_share", own / elapsed);
  return report;
}

}  // namespace
}  // namespace fsubs::bench

int main(int argc, char** argv) {
  fsubs::bench::Options options;
  CLI::App app{"Has clients log in, subscribe and leave, as fast as the server takes them"};
  app.add_option("--port", options.subscriber.port, "of the server, on the loopback address")
      ->required();
  app.add_option("--server-pid", options.server_pid, "whose CPU time to measure")->required();
  app.add_option("--tokens", options.tokens, "file with a token a line, presented in turns");
  app.add_option("--skip", options.skip, "tokens to begin behind");
  app.add_option("--at-once", options.at_once, "log-ins under way")->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "to measure");
  CLI11_PARSE(app, argc, argv);
  try {
    fsubs::bench::Run(options).PrintJson();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "log_ins: %s\n", error.what());
    return 1;
  }
}
