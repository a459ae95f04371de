// Errors in a type system document, as they are found.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graphql/language/ast.hpp"
#include "graphql/language/checkpoint.hpp"
#include "graphql/language/error.hpp"

namespace fsubs::graphql {

class SdlErrors {
 public:
  // `document` outlives the object.
  explicit SdlErrors(const Document& document, Checkpoint checkpoint = GoOn)
      : document_(document), checkpoint_(checkpoint) {}

  const Document& document() const { return document_; }
  bool empty() const { return found_.empty(); }
  // No more errors are kept, so there is no need to find out what they are.
  bool full() const { return found_.size() == kMaxErrors; }

  // For every rule to call for each definition.
  void Pass() const { checkpoint_(); }

  // Keeps the first kMaxErrors.
  void Report(std::string message, std::vector<uint32_t> offsets);
  void Add(Error error);

  // The errors in the order of the document.
  std::vector<Error> Take();

 private:
  static constexpr size_t kMaxErrors = 100;

  struct Found {
    Error error;
    std::vector<uint32_t> offsets;  // of the error's locations
  };

  const Document& document_;
  const Checkpoint checkpoint_;
  std::vector<Found> found_;
};

}  // namespace fsubs::graphql
