#include "worker/operation/error.hpp"

namespace fsubs {

std::vector<Error> WithCode(std::vector<graphql::Error> errors, std::string_view code) {
  std::vector<Error> coded;
  coded.reserve(errors.size());
  for (graphql::Error& error : errors) {
    coded.push_back({std::move(error.message), code, std::move(error.locations)});
  }
  return coded;
}

}  // namespace fsubs
