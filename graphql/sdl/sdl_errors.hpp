// Errors in a type system document, as they are found.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graphql/language/ast.hpp"
#include "graphql/language/error.hpp"

namespace fsubs::graphql {

class SdlErrors {
 public:
  // `document` outlives the object.
  explicit SdlErrors(const Document& document) : document_(document) {}

  const Document& document() const { return document_; }
  bool empty() const { return found_.empty(); }

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
  std::vector<Found> found_;
};

}  // namespace fsubs::graphql
