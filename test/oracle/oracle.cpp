// Answers the oracle's questions (test/oracle/run.js): a JSON object a line in, one a line out.
//
//   {"schema": SDL}                       {"errors": [...]}; without errors, served from here on
//   {"document": TEXT, limits...}         {"errors": [...]} of parsing or validation
//   {"catalog": SNAPSHOT}                 {} or {"errors": [...]}; served from here on
//   {"query": TEXT, "variables": ..., "operationName": ..., "event": JSON,
//    "roles": [...], "scopes": [...]}     the response, or {"errors": [...]}; without roles the
//                                         client is anonymous
#include <algorithm>
#include <iostream>

#include "graphql/language/parser.hpp"
#include "graphql/sdl/schema_builder.hpp"
#include "graphql/validation/validate.hpp"
#include "worker/event/encode.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/operation/operation.hpp"

namespace fsubs {
namespace {

constexpr size_t kUnlimited = 1000000000;

class Oracle {
 public:
  std::string Answer(const JsonValue& question) {
    if (const auto sdl = question.Find("schema")) return BuildSchema(sdl->text());
    if (const auto document = question.Find("document")) return Check(document->text(), question);
    if (const auto catalog = question.Find("catalog")) return Serve(catalog->raw());
    return Execute(question);
  }

 private:
  static std::string Refusal(std::vector<graphql::Error> errors) {
    return ResponseWithoutData(WithCode(std::move(errors), ""));
  }

  static size_t Number(const JsonValue& question, std::string_view name, size_t otherwise) {
    const auto value = question.Find(name);
    return value ? std::stoul(std::string(value->raw())) : otherwise;
  }
  static bool Flag(const JsonValue& question, std::string_view name) {
    const auto value = question.Find(name);
    return value && value->boolean();
  }

  std::string BuildSchema(std::string_view sdl) {
    graphql::SchemaResult result = graphql::BuildSchema(sdl);
    if (result.schema) schema_ = std::move(result.schema);
    return Refusal(result.errors);
  }

  std::string Check(std::string_view document, const JsonValue& question) const {
    const graphql::ParseResult parsed =
        graphql::ParseDocument(document, {.max_tokens = Number(question, "maxTokens", kUnlimited)});
    if (parsed.error) return Refusal({*parsed.error});
    return Refusal(graphql::Validate(*schema_, *parsed.document,
                                     {.max_errors = Number(question, "maxErrors", 100),
                                      .introspection = !Flag(question, "noIntrospection"),
                                      .suggestions = !Flag(question, "hideSuggestions")}));
  }

  std::string Serve(std::string_view snapshot) {
    std::string error;
    catalog_ = Catalog::FromSnapshot(snapshot, &error);
    return catalog_ ? "{}" : Refusal({{error, {}}});
  }

  std::shared_ptr<const Identity> IdentityOf(const JsonValue& question) const {
    const auto roles = question.Find("roles");
    if (!roles) return catalog_->anonymous();
    const auto names = [](const JsonValue& list) {
      std::vector<std::string> texts;
      list.ForEachElement([&](const JsonValue& text) { texts.push_back(text.ToString()); });
      std::sort(texts.begin(), texts.end());
      return texts;
    };
    auto identity = std::make_shared<Identity>();
    identity->is_anonymous = false;
    identity->roles = names(*roles);
    identity->scopes = names(*question.Find("scopes"));
    return identity;
  }

  std::string Execute(const JsonValue& question) {
    OperationRequest request;
    request.query = question.Find("query")->text();
    if (const auto name = question.Find("operationName")) request.operation_name = name->text();
    request.variables = question.Find("variables");
    const PrepareResult prepared = Prepare(catalog_, &plans_, request, IdentityOf(question),
                                           {.max_tokens = kUnlimited,
                                            .max_depth = kUnlimited,
                                            .max_aliases = kUnlimited,
                                            .max_selections = kUnlimited,
                                            .max_size = kUnlimited,
                                            .max_response = kUnlimited,
                                            .introspection = true});
    if (!prepared.errors.empty()) return ResponseWithoutData(prepared.errors);
    if (!prepared.subscription) return prepared.response;
    std::string response;
    Encode(*prepared.subscription->plan, *question.Find("event"), {}, &response);
    return response;
  }

  std::shared_ptr<const graphql::Schema> schema_;
  std::shared_ptr<const Catalog> catalog_;
  PlanCache plans_;
};

}  // namespace
}  // namespace fsubs

int main() {
  fsubs::Oracle oracle;
  fsubs::JsonTree tree;
  for (std::string line; std::getline(std::cin, line);) {
    if (!tree.ParseCopy(line)) {
      std::cerr << "not a question: " << tree.error() << "\n";
      return 1;
    }
    std::cout << oracle.Answer(tree.root()) << std::endl;
  }
}
