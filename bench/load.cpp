// The load generator: publishes through PostgreSQL and receives as many subscribers.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "bench/load_run.hpp"
#include "bench/wire.hpp"

int main(int argc, char** argv) {
  using fsubs::bench::LoadOptions;
  LoadOptions options;
  bool json = false;
  CLI::App app{
      "Publishes events through PostgreSQL, receives them as graphql-transport-ws clients and\n"
      "accounts for every message."};
  app.option_defaults()->always_capture_default();
  app.add_option("--address", options.subscriber.address, "of the server");
  app.add_option("--port", options.ports,
                 "of the server; of several, each serves as many of the connections as the others");
  app.add_flag("--tls", options.tls, "which the server speaks");
  app.add_option("--server-pid", options.server_pids,
                 "whose CPU time and memory to measure; several are added up")
      ->required();
  app.add_option("--database", options.database, "libpq connection string")->required();
  app.add_option("--tokens", options.tokens, "file with a token a line, presented in turns");
  app.add_option(
      "--field", options.subscriber.field,
      "with its arguments, asked for instead of tick(id: $id); with --filtered its rules "
      "choose the events");
  app.add_option("--members", options.publish.members, "of each event, as a JSON object")
      ->check([](const std::string& text) {
        return text.find('\'') == std::string::npos ? "" : "no quotation marks of SQL";
      });
  app.add_option("--subgraph", options.publish.subgraph, "of each event");
  app.add_flag("--floor", options.publish.to_floor, "publish by pg_notify, for floor_server");
  app.add_flag("--durable", options.publish.durable,
               "insert a row into bench_tick in the publishing transaction");
  app.add_option("--connections", options.connections)->check(CLI::PositiveNumber);
  app.add_option("--per-connection", options.per_connection, "subscriptions of each connection")
      ->check(CLI::PositiveNumber);
  app.add_flag("--any-layout", options.subscriber.any_layout,
               "of the server's messages: members in any order, and spaces");
  app.add_flag("--filtered", options.subscriber.filtered,
               "each subscription is to an id of its own; an event has one of these ids");
  app.add_option("--keys", options.keys, "with --filtered: events have the first so many ids");
  app.add_option("--rate", options.rate, "events per second; 0: as --in-flight allows");
  app.add_option("--in-flight", options.in_flight,
                 "events published that have not reached all subscribers");
  app.add_option("--batch", options.batch, "events per transaction")->check(CLI::PositiveNumber);
  app.add_option("--publishers", options.publishers, "database sessions that publish")
      ->check(CLI::PositiveNumber);
  app.add_option("--pipeline", options.pipeline, "transactions a session may have under way");
  app.add_option("--settle", options.settle, "seconds between subscribing and publishing");
  app.add_option("--warm-up", options.warm_up, "seconds before measuring");
  app.add_option("--seconds", options.seconds, "to measure");
  app.add_flag("--json", json, "print one JSON object");
  CLI11_PARSE(app, argc, argv);

  const size_t keys = fsubs::bench::LoadRun::Keys(options);
  const bool filtered = options.subscriber.filtered;
  if (filtered ? keys % options.publishers != 0 : options.publishers != 1) {
    std::fputs("load: --publishers must be 1, or with --filtered divide the ids\n", stderr);
    return 2;
  }
  if (filtered && keys > options.connections * options.per_connection) {
    std::fputs("load: --keys must be at most the number of subscriptions\n", stderr);
    return 2;
  }
  try {
    fsubs::bench::RaiseFileLimit();
    const fsubs::bench::Report report = fsubs::bench::LoadRun(options).Run();
    json ? report.PrintJson() : report.PrintLines();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "load: %s\n", error.what());
    return 1;
  }
}
