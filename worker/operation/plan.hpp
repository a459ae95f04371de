// A selection set compiled against the schema: what Encode() writes for one event, or
// ExecuteQuery() for a query. Immutable and shared by every subscription that selects the same.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graphql/language/ast.hpp"
#include "graphql/schema/schema.hpp"
#include "worker/operation/coerce.hpp"
#include "worker/operation/prepared_document.hpp"

namespace fsubs {

enum class Leaf : uint8_t { kNone, kInt, kFloat, kString, kBoolean, kId, kEnum, kCustom };

struct ObjectPlan;

// One field of a response object.
struct FieldPlan {
  std::string key;       // `"alias":`, ready to be copied out
  std::string response;  // the alias or name alone, for paths
  std::string_view name;
  bool is_typename = false;
  const graphql::Type* parent = nullptr;
  const graphql::WrappedType* type = nullptr;
  const graphql::Selection* selection = nullptr;  // the first one, for its arguments
  Leaf leaf = Leaf::kNone;
  // The fields below, for each object type that the data can have and the audience sees. One entry
  // unless the field's type is abstract.
  std::vector<std::pair<const graphql::Type*, const ObjectPlan*>> objects;
  std::vector<graphql::SourceLocation> locations;
};

struct ObjectPlan {
  const graphql::Type* type = nullptr;
  std::vector<FieldPlan> fields;
};

class Plan {
 public:
  const ObjectPlan& selection() const { return *root_; }
  // The root field of a subscription. Its data is the event's.
  const FieldPlan& root() const { return root_->fields.front(); }
  const graphql::Schema& schema() const { return prepared_->catalog->schema(); }
  const Audience& audience() const { return *prepared_->audience; }
  const graphql::Document& document() const { return *prepared_->document; }
  bool timing() const { return timing_; }
  // Bytes of memory, without the document's.
  size_t size() const { return size_; }

 private:
  friend class PlanCompiler;
  friend std::unique_ptr<Plan> CompilePlan(std::shared_ptr<const PreparedDocument>,
                                           const graphql::Operation&, const Variables&, bool);
  std::shared_ptr<const PreparedDocument> prepared_;  // what the views point into
  bool timing_ = false;
  size_t size_ = 0;
  const ObjectPlan* root_ = nullptr;
  std::vector<std::unique_ptr<ObjectPlan>> objects_;
};

inline constexpr size_t kMaxPlanSelections = 20000;

// Compile an operation of a document. `timing`: each response says when its event was committed.
// Returns null if it expands to more than kMaxPlanSelections selections, or if directives leave a
// subscription no root field.
std::unique_ptr<Plan> CompilePlan(std::shared_ptr<const PreparedDocument> prepared,
                                  const graphql::Operation& operation, const Variables& variables,
                                  bool timing);

}  // namespace fsubs
