#include "worker/operation/errors_json.hpp"

#include "worker/json/json_text.hpp"

namespace fsubs {

void AppendLocations(const std::vector<graphql::SourceLocation>& locations, std::string* out) {
  *out += '[';
  for (const graphql::SourceLocation& location : locations) {
    if (out->back() != '[') *out += ',';
    out->append(R"({"line":)").append(std::to_string(location.line));
    out->append(R"(,"column":)").append(std::to_string(location.column)).append("}");
  }
  *out += ']';
}

void AppendErrors(const std::vector<graphql::Error>& errors, std::string_view code,
                  std::string* out) {
  *out += '[';
  for (const graphql::Error& error : errors) {
    if (&error != &errors.front()) *out += ',';
    *out += R"({"message":)";
    AppendJsonString(error.message, out);
    if (!error.locations.empty()) {
      *out += R"(,"locations":)";
      AppendLocations(error.locations, out);
    }
    if (!error.path.empty()) {
      *out += R"(,"path":[)";
      for (const std::string& name : error.path) {
        if (&name != &error.path.front()) *out += ',';
        AppendJsonString(name, out);
      }
      *out += ']';
    }
    *out += R"(,"extensions":{"code":)";
    AppendJsonString(code, out);
    *out += "}}";
  }
  *out += ']';
}

}  // namespace fsubs
