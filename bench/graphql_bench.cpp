// The GraphQL front end by itself, one line of figures each: what bench/graphql.js measures of
// graphql-js in the same run. bench/graphql runs both.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <fstream>
#include <functional>
#include <iterator>

#include "worker/event/dispatch.hpp"
#include "worker/event/encode.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/operation/operation.hpp"

namespace {

using namespace fsubs;

constexpr OperationLimits kLimits{.max_tokens = 2000,
                                  .max_depth = 20,
                                  .max_aliases = 100,
                                  .max_selections = 20000,
                                  .max_size = 100000,
                                  .max_conditions = 1000,
                                  .max_filter = 1'000'000,
                                  .max_response = 1000000,
                                  .introspection = true};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The fastest of several rounds, in microseconds a call: what else the machine does only adds.
double Measure(size_t calls, const std::function<void()>& call) {
  constexpr int kRounds = 150;
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (size_t i = 0; i < calls; ++i) call();
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / static_cast<double>(calls));
  }
  return best;
}

struct Subscriber final : Member {
  void Deliver(const EventPlace&, std::string_view) override {}
};

// Dispatch to subscriptions that each want another range of totals, and trying each one's interval.
void MeasureRanges(const std::shared_ptr<const Catalog>& catalog) {
  constexpr size_t kRanges = 10000;
  PlanCache cache;
  Dispatcher dispatcher;
  std::deque<Subscriber> subscribers(kRanges);
  OperationRequest request;
  request.query =
      "subscription ($low: Float, $high: Float) {"
      " orderUpdated(where: {total: {gte: $low, lt: $high}}) { id } }";
  std::vector<Interval> intervals;
  for (size_t i = 0; i < kRanges; ++i) {
    JsonTree variables;
    if (!variables.ParseCopy("{\"low\":" + std::to_string(i) +
                             ",\"high\":" + std::to_string(i + 10) + "}")) {
      std::exit(1);
    }
    request.variables = variables.root();
    PrepareResult prepared = Prepare(catalog, &cache, request, catalog->anonymous(), kLimits);
    if (!prepared.subscription) std::exit(1);
    intervals.push_back(prepared.subscription->filter.interval);
    dispatcher.Add(&subscribers[i], std::move(*prepared.subscription));
  }
  const std::string event = R"({"id":1,"total":5000.5})" + std::string(kJsonPadding, '\0');
  EventRecord record;
  record.channel = "orders";
  record.data = std::string_view(event).substr(0, event.size() - kJsonPadding);
  size_t delivered = 0;
  std::printf("ranges_index %f\n", Measure(100, [&] {
                WorkBudget budget(1'000'000);
                if (!dispatcher.Begin(record, "1-0", &budget)) std::exit(1);
                delivered = dispatcher.outcome().matched;
              }));
  JsonTree tree;
  size_t matched = 0;
  std::printf("ranges_scan %f\n", Measure(10, [&] {
                if (!tree.Parse(record.data)) std::exit(1);
                std::string form;
                AppendForm(Comparison::kNumber, tree.root().Find("total"), &form);
                matched = 0;
                for (const Interval& interval : intervals) matched += interval.Contains(form);
              }));
  if (delivered != matched) std::exit(1);
  for (Subscriber& subscriber : subscribers) dispatcher.Remove(&subscriber);
}

// What roles and scopes cost: to find out what a client may see, and to ask it of one field.
void MeasureAccess() {
  constexpr size_t kFields = 100;
  constexpr size_t kChecks = 10'000'000;
  std::string types = "type Order {";
  for (size_t i = 0; i < kFields; ++i) {
    const std::string number = std::to_string(i);
    types += " f" + number + R"(: Int @requiresRole(roles: [\"r)" + number + R"(\", \"admin\"]))";
  }
  std::string error;
  const auto catalog = Catalog::FromSnapshot(
      R"({"extension_version":"0","server_version":"0","types":")" + types +
          R"( id: ID }","subscriptions":[{"name":"a","field":"a: Order","channel":"c"}]})",
      &error);
  if (!catalog) std::exit(1);
  const auto described = std::make_shared<Identity>();
  described->is_anonymous = false;
  for (size_t i = 0; i < kFields; i += 2) described->roles.push_back("r" + std::to_string(i));
  std::sort(described->roles.begin(), described->roles.end());
  const std::shared_ptr<const Identity> identity = described;
  std::printf("access_audience %f\n",
              Measure(100, [&] { catalog->access().AudienceOf(identity); }));
  const auto audience = catalog->access().AudienceOf(identity);
  const std::vector<graphql::Field>& fields = catalog->schema().FindType("Order")->fields;
  size_t seen = 0;
  const auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < kChecks; ++i) seen += audience->Sees(fields[i % kFields]);
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  if (seen != kChecks / 2) std::exit(1);
  std::printf("access_check %f\n", took.count() / static_cast<double>(kChecks));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  const std::string document = ReadFile(folder + "/document.graphql");
  const std::string event = ReadFile(folder + "/event.json");
  std::string error;
  const auto catalog = Catalog::FromSnapshot(ReadFile(folder + "/snapshot.json"), &error);
  JsonTree variables;
  if (!catalog || !variables.ParseCopy(ReadFile(folder + "/variables.json"))) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  OperationRequest request;
  request.query = document;
  request.variables = variables.root();

  const auto prepare = [&](PlanCache* cache) {
    PrepareResult prepared = Prepare(catalog, cache, request, catalog->anonymous(), kLimits);
    if (!prepared.subscription) {
      std::fprintf(stderr, "%s\n", ErrorsJson(prepared.errors).c_str());
      std::exit(1);
    }
    return prepared;
  };
  std::printf("prepare %f\n", Measure(100, [&] {
                PlanCache cache;
                prepare(&cache);
              }));
  PlanCache cache;
  const PrepareResult prepared = prepare(&cache);
  std::printf("prepare_again %f\n", Measure(1000, [&] { prepare(&cache); }));

  const std::string padded = event + std::string(kJsonPadding, '\0');
  const std::string_view data = std::string_view(padded).substr(0, event.size());
  JsonTree tree;
  std::string response;
  const auto encode = [&] {
    response.clear();
    Encode(*prepared.subscription->plan, tree.root(), {"1-0", 0}, &response);
  };
  std::printf("execute %f\n", Measure(1000, [&] {
                if (!tree.Parse(data)) std::exit(1);
                encode();
              }));
  std::printf("encode %f\n", Measure(1000, encode));

  constexpr size_t kSubscriptions = 10000;
  constexpr size_t kDocuments = 100;
  PlanCache shared;
  Dispatcher dispatcher;
  std::deque<Subscriber> subscribers(kSubscriptions);
  const auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < kSubscriptions; ++i) {
    const std::string text = document + "# " + std::to_string(i % kDocuments);
    request.query = text;
    dispatcher.Add(&subscribers[i], std::move(*prepare(&shared).subscription));
  }
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  std::printf("plans %zu\nsubscribe_all_ms %f\n", shared.plans.size(), took.count());
  for (Subscriber& subscriber : subscribers) dispatcher.Remove(&subscriber);
  MeasureRanges(catalog);
  MeasureAccess();
  return 0;
}
