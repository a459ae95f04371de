// Any document, asked of a small schema: the response is JSON and no longer than it may be.
#include <memory>

#include "test/operation_limits.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/operation/operation.hpp"

using namespace fsubs;

namespace {

constexpr char kSnapshot[] = R"json({"extension_version":"1","server_version":"15",
  "types":"\"\"\"D\"\"\" directive @d(a: In = {a: 1.50}) repeatable on OBJECT interface N { id: ID! } interface M implements N { id: ID! } type A implements N & M @d { id: ID! old(x: Int! = 1, y: Int @deprecated): [[A!]!] @deprecated } union U = A enum E { X Y @deprecated(reason: \"r\") } input In { a: Float b: E = Y } scalar S @specifiedBy(url: \"u\")",
  "subscriptions":[{"name":"a","field":"\"d\" a(id: ID): A","channel":"c","event_types":["x"]},
                   {"name":"u","field":"u: U","channel":"c","event_types":null}]})json";

constexpr size_t kMaxResponse = 64 * 1024;
// What is written before it is seen that a response is too long: one text, and the brackets of
// what it is in. The error that replaces it is shorter.
constexpr size_t kMaxExcess = 16 * 1024;

std::shared_ptr<const Catalog> Build() {
  std::string error;
  return Catalog::FromSnapshot(kSnapshot, &error);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::shared_ptr<const Catalog> catalog = Build();
  OperationRequest request;
  request.query = std::string_view(reinterpret_cast<const char*>(data), size);
  if (!IsUtf8(request.query)) return 0;  // it comes out of JSON
  PlanCache plans;
  OperationLimits limits = kTestLimits;
  limits.max_response = kMaxResponse;
  const PrepareResult result = Prepare(catalog, &plans, request, catalog->anonymous(), limits);
  if (result.subscription) return 0;
  const std::string answer = result.response.empty() ? ErrorsJson(result.errors) : result.response;
  JsonTree tree;
  if (!tree.ParseCopy(answer)) __builtin_trap();
  if (result.response.capacity() > 2 * (kMaxResponse + kMaxExcess)) __builtin_trap();
  return 0;
}
