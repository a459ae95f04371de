#include "worker/bus/memory/catalog_file.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "graphql/language/parser.hpp"
#include "worker/base/read_file.hpp"
#include "worker/base/version.hpp"
#include "worker/json/json_number.hpp"
#include "worker/json/json_tree.hpp"
#include "worker/json/json_writer.hpp"
#include "worker/operation/catalog.hpp"

namespace fsubs {
namespace {

constexpr size_t kMostBytes = size_t{64} << 20;
constexpr size_t kMostKeyBytes = size_t{1} << 20;
constexpr int64_t kDefaultLeewaySeconds = 30;

constexpr std::string_view kCatalogMembers[] = {
    "types", "subscriptions", "issuers", "limits", "tenant_field", "anonymous_claims", "columns"};
constexpr std::string_view kSubscriptionMembers[] = {
    "field",    "channel", "event_types", "row_filter", "tenant_field", "shared",
    "subgraph", "scope",   "roles",       "scopes",     "rate_limit"};
constexpr std::string_view kIssuerMembers[] = {
    "name",      "issuer",     "secret",         "public_key",  "jwks",   "jwks_file", "jwks_url",
    "audiences", "algorithms", "leeway_seconds", "require_exp", "claims", "preset"};

// Makes a snapshot of the short form. What is wrong first is kept as error().
class Expansion {
 public:
  explicit Expansion(const std::string& directory) : directory_(directory), json_(&snapshot_) {}

  const std::string& error() const { return error_; }

  std::string Expand(const JsonValue& root) {
    json_.BeginObject();
    json_.Key("extension_version");
    json_.String(kVersion);
    CheckMembers(root, "a catalog", kCatalogMembers);
    json_.Key("types");
    json_.String(TypesOf(root));
    AddRows(root, "subscriptions", [this](const JsonValue& row) { AddSubscription(row); });
    AddRows(root, "issuers", [this](const JsonValue& row) { AddIssuer(row); });
    for (const char* member : {"limits", "tenant_field", "anonymous_claims", "columns"}) {
      Copy(root, member);
    }
    json_.EndObject();
    return std::move(snapshot_);
  }

 private:
  void Fail(std::string error) {
    if (error_.empty()) error_ = std::move(error);
  }

  void CheckMembers(const JsonValue& object, const std::string& what,
                    std::span<const std::string_view> known) {
    if (object.type() != JsonType::kObject) Fail(what + " is no object");
    object.ForEachMember([&](std::string_view name, const JsonValue&) {
      if (std::find(known.begin(), known.end(), name) != known.end()) return;
      Fail(what + " has no member \"" + std::string(name) + "\"");
    });
  }

  std::string TypesOf(const JsonValue& root) {
    const auto types = root.Find("types");
    std::string sdl;
    if (types && types->type() == JsonType::kString) {
      sdl = types->ToString();
    } else if (types && types->type() == JsonType::kArray) {
      types->ForEachElement([&](const JsonValue& part) {
        if (part.type() != JsonType::kString)
          return Fail("\"types\" is a list of other than texts");
        sdl.append(part.text()).append("\n\n");
      });
    } else {
      Fail("\"types\" is no text, and no list of texts");
    }
    return sdl;
  }

  template <typename Add>
  void AddRows(const JsonValue& root, const char* member, Add add) {
    json_.Key(member);
    json_.BeginArray();
    const auto rows = root.Find(member);
    if (rows && !rows->is_null() && rows->type() != JsonType::kArray) {
      Fail(std::string("\"") + member + "\" is no list");
    }
    if (rows) {
      rows->ForEachElement([&](const JsonValue& row) {
        json_.BeginObject();
        add(row);
        json_.EndObject();
      });
    }
    json_.EndArray();
  }

  void Copy(const JsonValue& object, const char* member) {
    const auto value = object.Find(member);
    if (!value) return;
    json_.Key(member);
    json_.Raw(value->raw());
  }

  static std::string TextOf(const JsonValue& object, const char* member) {
    const auto value = object.Find(member);
    return value && value->type() == JsonType::kString ? value->ToString() : std::string();
  }

  void AddSubscription(const JsonValue& row) {
    const std::string field = TextOf(row, "field");
    const std::string what = field.empty() ? "a subscription" : "subscription \"" + field + "\"";
    CheckMembers(row, what, kSubscriptionMembers);
    const graphql::FieldParseResult parsed = graphql::ParseFieldDefinition(field);
    if (parsed.error) return Fail(what + ": \"field\": " + parsed.error->message);
    if (TextOf(row, "channel").empty()) return Fail(what + ": \"channel\" is missing or no text");
    const auto types = row.Find("event_types");
    if (types && types->type() == JsonType::kArray && types->empty()) {
      return Fail(what + ": \"event_types\" is empty; leave it out for all");
    }
    json_.Key("name");
    json_.String(parsed.field->name.text);
    for (const std::string_view member : kSubscriptionMembers) Copy(row, member.data());
  }

  void AddIssuer(const JsonValue& row) {
    const std::string what = "issuer \"" + TextOf(row, "name") + "\"";
    CheckMembers(row, what, kIssuerMembers);
    for (const std::string_view member : kIssuerMembers) {
      if (member != "jwks" && member != "jwks_file" && member != "leeway_seconds") {
        Copy(row, member.data());
      }
    }
    if (const auto jwks = row.Find("jwks"); jwks && !jwks->is_null()) {
      json_.Key("jwks");
      json_.String(jwks->type() == JsonType::kString ? jwks->text() : jwks->raw());
    }
    if (const auto file = row.Find("jwks_file"); file && !file->is_null()) AddKeyFile(what, *file);
    int64_t leeway = kDefaultLeewaySeconds;
    const auto given = row.Find("leeway_seconds");
    if (given && !given->is_null() &&
        (!ReadInteger(given->raw(), &leeway) || leeway < 0 || leeway > INT64_MAX / 1'000'000)) {
      Fail(what + ": \"leeway_seconds\" is no number of seconds");
      return;
    }
    json_.Key("leeway");
    json_.Number(leeway * 1'000'000);
  }

  void AddKeyFile(const std::string& what, const JsonValue& file) {
    if (file.type() != JsonType::kString || file.text().empty()) {
      return Fail(what + ": \"jwks_file\" is no path");
    }
    if (directory_.empty()) return Fail(what + ": \"jwks_file\" is for catalogs in files");
    std::string path = file.ToString();
    if (path.front() != '/') path = directory_ + "/" + path;
    std::string problem;
    const auto content = ReadFile(path, kMostKeyBytes, &problem);
    if (!content || !IsUtf8(*content)) {
      return Fail(what + ": \"jwks_file\", \"" + path +
                  "\": " + (content ? "it is not UTF-8" : problem));
    }
    json_.Key("jwks_file_content");
    json_.String(*content);
  }

  const std::string directory_;
  std::string snapshot_;
  JsonWriter json_;
  std::string error_;
};

std::string FindProblem(const std::string& snapshot) {
  std::string error;
  const auto catalog = Catalog::FromSnapshot(snapshot, &error);
  if (!catalog) return error;
  for (const std::string& left_out : catalog->left_out()) {
    error += (error.empty() ? "" : "; ") + left_out;
  }
  return error;
}

}  // namespace

std::optional<std::string> SnapshotOf(std::string_view catalog_json, const std::string& directory,
                                      std::string* error) {
  JsonTree tree;
  if (!IsUtf8(catalog_json)) {
    *error = "it is not UTF-8";
    return std::nullopt;
  }
  if (!tree.ParseCopy(catalog_json)) {
    *error = std::string("it is not JSON: ") + tree.error();
    return std::nullopt;
  }
  const JsonValue root = tree.root();
  const auto resolvers = root.Find("resolvers");
  if (resolvers && !resolvers->empty()) {
    *error = "it has resolvers, which a node without a database cannot call";
    return std::nullopt;
  }
  std::string snapshot;
  if (root.Find("extension_version")) {
    snapshot = catalog_json;
  } else {
    Expansion expansion(directory);
    snapshot = expansion.Expand(root);
    *error = expansion.error();
    if (!error->empty()) return std::nullopt;
  }
  *error = FindProblem(snapshot);
  if (!error->empty()) return std::nullopt;
  return snapshot;
}

std::optional<std::string> ReadCatalogFile(const std::string& path, std::string* error) {
  const auto text = ReadFile(path, kMostBytes, error);
  auto snapshot = text ? SnapshotOf(*text, DirectoryOf(path), error) : std::nullopt;
  if (!snapshot) *error = "catalog \"" + path + "\": " + *error;
  return snapshot;
}

}  // namespace fsubs
