// Any messages, separated by zero bytes, through both protocols, the GraphQL front end and
// dispatch.
#include <algorithm>
#include <map>
#include <memory>

#include "test/operation_limits.hpp"
#include "worker/client/credentials_reader.hpp"
#include "worker/client/ws_protocol.hpp"
#include "worker/event/dispatch.hpp"
#include "worker/operation/renewal.hpp"

namespace {

using namespace fsubs;

constexpr char kSnapshot[] = R"({"extension_version":"1","server_version":"15",
  "types":"type O { id: ID! n: Int f: Float e: E o: O l: [O!] } enum E { A B } input I { a: Int! b: [I!] }",
  "subscriptions":[{"name":"o","field":"o(id: ID, n: Int, e: E, where: OFilter): O","channel":"c","event_types":null}]})";

struct Subscriber final : Member {
  void Deliver(const EventPlace&, std::string_view payload) override {
    JsonTree tree;
    if (!tree.ParseCopy(payload)) __builtin_trap();
  }
};

class Host final : public WsProtocolHost {
 public:
  Host() {
    std::string error;
    static const std::shared_ptr<const Catalog> catalog = Catalog::FromSnapshot(kSnapshot, &error);
    catalog_ = catalog;
  }
  ~Host() override {
    for (auto& [id, subscriber] : subscribers_) dispatcher_.Remove(&subscriber);
  }

  WsProtocol* machine = nullptr;

  void Send(About, std::string_view, std::string_view message) override {
    JsonTree tree;
    if (!tree.ParseCopy(message)) __builtin_trap();
  }
  void Close(uint16_t, std::string_view reason) override {
    if (reason.size() > 123 || !IsUtf8(reason)) __builtin_trap();
  }
  void Authorize(const std::optional<JsonValue>& payload) override {
    Credentials credentials;
    const std::string problem =
        ReadCredentials(HttpRequest(), payload, {.for_function = true}, &credentials);
    JsonTree tree;
    if (!IsUtf8(problem) || !tree.ParseCopy(credentials.init_payload)) __builtin_trap();
    if (credentials.token.find_first_of(" \t\r\n") != std::string::npos) __builtin_trap();
    if (problem.empty()) {
      machine->Accept(R"({"connectionId":"1","expiresAt":null})");
    } else {
      machine->Refuse(problem);
    }
  }
  void RenewByPing(std::string_view authorization) override {
    std::string token;
    const bool refused = !ReadToken(authorization, BearerScheme::kRequired, &token).empty();
    if (refused != token.empty()) __builtin_trap();
    machine->Pong(refused ? R"({"error":"no"})" : R"({"expiresAt":null})");
  }
  void Renew(std::string_view id, RenewalRequest request) override {
    machine->Answer(id, request.token.empty() ? RefusedRenewalResponse(*request.plan, "no")
                                              : RenewalResponse(*request.plan, 0));
  }
  bool HasSubscription(std::string_view id) const override {
    return subscribers_.count(std::string(id)) > 0;
  }
  StartResult StartOperation(std::string_view id, const OperationRequest& request) override {
    PrepareResult prepared =
        Prepare(catalog_, &plans_, request, catalog_->anonymous(), kTestLimits);
    if (!prepared.response.empty()) {
      return {.kind = StartResult::Kind::kExecuted, .response = std::move(prepared.response)};
    }
    if (prepared.renewal) {
      return {.kind = StartResult::Kind::kRenews, .renewal = std::move(prepared.renewal)};
    }
    if (!prepared.subscription) {
      return {.kind = StartResult::Kind::kRefused, .errors = std::move(prepared.errors)};
    }
    dispatcher_.Add(&subscribers_[std::string(id)], std::move(*prepared.subscription));
    std::string data = R"({"id":1,"n":2,"f":1.5,"e":"A","o":{"id":"x"},"l":[{"id":1},null]})";
    const size_t length = data.size();
    data.append(kJsonPadding, '\0');
    EventRecord record;
    record.channel = "c";
    record.data = std::string_view(data).substr(0, length);
    WorkBudget budget(1);
    for (bool done = dispatcher_.Begin(record, "1-0", &budget); !done;) {
      budget = WorkBudget(1);
      done = dispatcher_.Continue(&budget);
    }
    return {};
  }
  void StopSubscription(std::string_view id) override {
    const auto found = subscribers_.find(std::string(id));
    dispatcher_.Remove(&found->second);
    subscribers_.erase(found);
  }

 private:
  std::shared_ptr<const Catalog> catalog_;
  PlanCache plans_;
  Dispatcher dispatcher_;
  std::map<std::string, Subscriber> subscribers_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  for (const char* subprotocol : {kTransportWs, kLegacyWs}) {
    std::string_view rest = all;
    Host host;
    const std::unique_ptr<WsProtocol> machine = MakeWsProtocol(subprotocol, &host);
    host.machine = machine.get();
    JsonTree tree;
    while (!rest.empty()) {
      const std::string_view message = rest.substr(0, rest.find('\0'));
      // The connection refuses what is not UTF-8 before the protocol sees it.
      if (IsUtf8(message)) machine->OnText(message, &tree);
      rest.remove_prefix(std::min(message.size() + 1, rest.size()));
    }
  }
  return 0;
}
