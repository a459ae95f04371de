// What the validation rules share: the schema, the document and the errors found so far.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graphql/language/ast.hpp"
#include "graphql/language/error.hpp"
#include "graphql/schema/schema.hpp"
#include "graphql/validation/validate.hpp"

namespace fsubs::graphql {

// Thrown inside validate*.cpp only, to stop validation. The errors say why.
struct ValidationStopped {};

// A place where a variable is used.
struct VariableUsage {
  const Value* variable;
  const WrappedType* type;    // that the place expects; null if unknown
  bool has_default;           // of the argument or input field
  const WrappedType* parent;  // of the list or object around it; null if in none
};

// Fragments that operations refer to, directly or through other fragments, each once.
struct ReferencedFragments {
  std::vector<const Fragment*> fragments;
  std::optional<std::vector<VariableUsage>> usages;  // of variables in them, once asked for
};

class ValidationContext {
 public:
  ValidationContext(const Schema& schema, const Document& document, const ValidationLimits& limits)
      : schema(schema), document(document), limits(limits) {}
  ValidationContext(const ValidationContext&) = delete;
  ValidationContext& operator=(const ValidationContext&) = delete;

  const Schema& schema;
  const Document& document;
  const ValidationLimits& limits;

  // Both throw ValidationStopped once there are too many errors.
  void Report(std::string message, std::span<const uint32_t> offsets);
  void Report(std::string message, std::initializer_list<uint32_t> offsets) {
    Report(std::move(message), std::span(offsets.begin(), offsets.size()));
  }
  // Stop with one more error, which says that the rest was not checked.
  [[noreturn]] void Abort();
  // Stop with `error` alone.
  [[noreturn]] void Fail(std::string message, uint32_t offset);
  std::vector<Error> TakeErrors() { return std::move(errors_); }

  // ` Did you mean ...?` for a name that is not among `options`, or nothing if none is similar.
  std::string Hint(std::string_view name, const std::vector<std::string_view>& options,
                   std::string_view kind = {}) const;

  // Whether a node of the schema may be suggested.
  template <typename Node>
  bool Shows(const Node& node) const {
    return limits.visibility == nullptr || limits.visibility->Shows(node);
  }
  // The names of those that may.
  template <typename Node>
  std::vector<std::string_view> NamesOf(const std::vector<Node>& nodes) const {
    std::vector<std::string_view> names;
    for (const Node& node : nodes) {
      if (Shows(node)) names.push_back(node.name);
    }
    return names;
  }

  // The last fragment of that name, null if there is none.
  const Fragment* FindFragment(std::string_view name);
  // The fragment spreads below `set`, in graphql-js's order.
  const std::vector<const Selection*>& SpreadsOf(const SelectionSet& set);
  ReferencedFragments& ReferencedBy(std::span<const Operation> operations);
  // Count work that operations and fragments multiply, and abort beyond graphql-js's bound for it.
  void SpendFragmentWork(size_t cost);

  // Memory that lasts as long as the context.
  std::pmr::memory_resource* arena() { return &arena_; }

 private:
  std::array<std::byte, 8192> buffer_;
  std::pmr::monotonic_buffer_resource arena_{buffer_.data(), buffer_.size()};
  std::vector<Error> errors_;
  std::optional<LocationIndex> locations_;
  std::pmr::unordered_map<std::string_view, const Fragment*> fragments_{&arena_};
  std::pmr::unordered_map<const SelectionSet*, std::vector<const Selection*>> spreads_{&arena_};
  ReferencedFragments no_fragments_;
  std::map<std::vector<std::string_view>, ReferencedFragments> referenced_;  // by sorted names
  size_t fragment_work_ = 0;
};

// Bounds the recursion of rules that follow fragments into fragments.
class FragmentNesting {
 public:
  FragmentNesting(ValidationContext* context, size_t* depth) : depth_(depth) {
    if (++*depth > kMaxDepth) context->Abort();
  }
  ~FragmentNesting() { --*depth_; }
  FragmentNesting(const FragmentNesting&) = delete;
  FragmentNesting& operator=(const FragmentNesting&) = delete;

 private:
  static constexpr size_t kMaxDepth = 1000;
  size_t* const depth_;
};

}  // namespace fsubs::graphql
