// Any text as a value of every type, from a literal and from JSON: it has one form, wherever that
// is appended, which is not larger than the text allows.
#include "worker/filter/comparable.hpp"

using namespace fsubs;

namespace {

// A number's form has nine bytes more than its digits, a JSON value's six times its source at most.
constexpr size_t kMaxGrowth = 16;

void Check(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto comparison =
      static_cast<Comparison>(data[0] % (static_cast<int>(Comparison::kTimestampTzMultirange) + 1));
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (!IsUtf8(text)) return 0;  // it comes out of JSON

  graphql::Value literal;
  literal.kind = graphql::ValueKind::kString;
  literal.text = text;
  std::string form;
  AppendForm(comparison, literal, &form);
  Check(!form.empty() && form.size() <= kMaxGrowth * (size + kMaxGrowth));
  std::string again = "x";
  AppendForm(comparison, literal, &again);
  Check(again.substr(1) == form);
  Fits(comparison, form);

  JsonTree tree;
  if (!tree.ParseCopy(text)) return 0;
  std::string value;
  AppendForm(comparison, tree.root(), &value);
  Check(!value.empty() && value.size() <= kMaxGrowth * (size + kMaxGrowth));
  Check(Form(comparison, tree.root()).Compare(value) == 0);
  return 0;
}
