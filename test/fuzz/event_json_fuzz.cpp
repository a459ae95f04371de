// Any bytes as an event's data: what is encoded for a subscription is JSON, or the event is
// refused.
#include "test/operation_limits.hpp"
#include "worker/event/encode.hpp"
#include "worker/operation/operation.hpp"

using namespace fsubs;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static PlanCache plans;
  static const PreparedSubscription subscription = [] {
    std::string error;
    const auto catalog = Catalog::FromSnapshot(
        R"({"extension_version":"1","server_version":"15","types":"interface N { id: ID! } type O implements N { id: ID! n: Int! f: Float b: Boolean s: String e: E j: J o: O! l: [[O!]] i: N } enum E { A B } scalar J","subscriptions":[{"name":"o","field":"o: O","channel":"c","event_types":null}]})",
        &error);
    OperationRequest request;
    request.query =
        "subscription { o { id n f b s e j o { id } l { id n __typename } i { __typename id ... on "
        "O { s } } } }";
    return *Prepare(catalog, &plans, request, catalog->anonymous(), kTestLimits).subscription;
  }();
  static JsonTree tree;
  static JsonTree check;
  if (!tree.ParseCopy({reinterpret_cast<const char*>(data), size})) return 0;
  std::string out;
  Encode(*subscription.plan, tree.root(), {"1-0", 0}, &out);
  if (!check.ParseCopy(out)) __builtin_trap();
  std::string key;
  for (int i = 0; i <= static_cast<int>(Comparison::kTimestampTzMultirange); ++i) {
    AppendForm(static_cast<Comparison>(i), tree.root(), &key);
  }
  return 0;
}
