// Any document and any variables, separated by a zero byte, against types that take every kind of
// input: what is accepted can be executed, and whatever is said of it is JSON.
#include <memory>

#include "test/operation_limits.hpp"
#include "worker/event/encode.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/operation/operation.hpp"

using namespace fsubs;

namespace {

constexpr char kSnapshot[] = R"json({"extension_version":"1","server_version":"15",
  "types":"directive @take(i: In, l: [[Int!]] = 1, e: E = A, s: S, o: One, n: In! = {a: 1}) repeatable on FIELD enum E { A B } scalar S input In { a: Int! b: [In!] = [] c: E = A d: Float f: ID g: Boolean h: String } input One { a: Int b: In } type O { id: ID! n: Int f: Float e: E s: S o: O l: [O!] row: R } type R { u: ID r: String i: S a: [String] }",
  "subscriptions":[{"name":"o","field":"o(id: ID, n: Int, e: E, where: OFilter): O","channel":"c","event_types":null}],
  "columns":{"c":{"u":"uuid","r":"nummultirange","i":"interval","a":"numeric[]"}}})json";

constexpr char kEvent[] =
    R"({"id":1,"n":2,"f":1.5,"e":"A","s":[1],"o":{"id":"x"},"l":[{"id":1},null]})";

std::shared_ptr<const Catalog> Build() {
  std::string error;
  return Catalog::FromSnapshot(kSnapshot, &error);
}

void MustBeJson(const std::string& text) {
  JsonTree tree;
  if (!tree.ParseCopy(text)) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::shared_ptr<const Catalog> catalog = Build();
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t end = all.find('\0');
  JsonTree variables;
  OperationRequest request;
  request.query = all.substr(0, end);
  if (end != std::string_view::npos && variables.ParseCopy(all.substr(end + 1)) &&
      variables.root().type() == JsonType::kObject) {
    request.variables = variables.root();
  }
  if (!IsUtf8(request.query)) return 0;  // it comes out of JSON
  PlanCache plans;
  const PrepareResult result = Prepare(catalog, &plans, request, catalog->anonymous(), kTestLimits);
  if (result.subscription) {
    JsonTree event;
    if (!event.ParseCopy(kEvent)) __builtin_trap();
    std::string response;
    Encode(*result.subscription->plan, event.root(), {.position = "1-0"}, &response);
    MustBeJson(response);
  } else {
    MustBeJson(result.response.empty() ? ErrorsJson(result.errors) : result.response);
  }
  return 0;
}
