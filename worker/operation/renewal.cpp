#include "worker/operation/renewal.hpp"

#include <algorithm>

#include "worker/base/clock.hpp"
#include "worker/json/json_writer.hpp"
#include "worker/operation/errors_json.hpp"

namespace fsubs {
namespace {

const FieldPlan& RenewalOf(const Plan& plan) {
  const std::vector<FieldPlan>& fields = plan.selection().fields;
  return *std::find_if(fields.begin(), fields.end(),
                       [](const FieldPlan& field) { return !field.is_typename; });
}

}  // namespace

size_t RenewalsIn(const Plan& plan) {
  const std::vector<FieldPlan>& fields = plan.selection().fields;
  return static_cast<size_t>(std::count_if(
      fields.begin(), fields.end(), [](const FieldPlan& field) { return !field.is_typename; }));
}

const graphql::Argument& TokenArgumentOf(const Plan& plan) {
  return RenewalOf(plan).selection->arguments.front();
}

std::string RenewalResponse(const Plan& plan, const std::optional<int64_t>& expires_at_us) {
  std::string response = R"({"data":)";
  JsonWriter json(&response);
  const auto write = [&](const ObjectPlan& object, const auto& write_field) {
    json.BeginObject();
    for (const FieldPlan& field : object.fields) {
      json.Key(field.response);
      if (field.is_typename) {
        json.String(object.type->name);
      } else {
        write_field(field);
      }
    }
    json.EndObject();
  };
  write(plan.selection(), [&](const FieldPlan& renewal) {
    write(*renewal.objects.front().second,
          [&](const FieldPlan&) { json.Raw(ExpiryJson(expires_at_us)); });
  });
  return response += '}';
}

std::string RefusedRenewalResponse(const Plan& plan, const std::string& reason) {
  const FieldPlan& renewal = RenewalOf(plan);
  return ResponseWithNullData({{.message = "The token is refused: " + reason + ".",
                                .code = kErrorForbidden,
                                .locations = renewal.locations,
                                .path = {renewal.response}}});
}

std::string ExpiryJson(const std::optional<int64_t>& expires_at_us) {
  if (!expires_at_us) return "null";
  std::string json = "\"";
  AppendUtcTime(*expires_at_us, &json);
  return json += '"';
}

}  // namespace fsubs
