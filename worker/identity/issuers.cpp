#include "worker/identity/issuers.hpp"

#include <algorithm>
#include <charconv>

#include "worker/identity/digest.hpp"
#include "worker/identity/key_formats.hpp"
#include "worker/identity/key_set.hpp"
#include "worker/identity/numeric_date.hpp"

namespace fsubs {
namespace {

// Reads a row. What is wrong with it, and with nothing else, is kept as error().
class RowReader {
 public:
  explicit RowReader(const JsonValue& row) : row_(row) {}

  const std::string& error() const { return error_; }
  void Fail(std::string error) {
    if (error_.empty()) error_ = std::move(error);
  }

  // Each of these gives nothing, without an error, for a member that is null or missing.

  std::optional<std::string> Text(std::string_view name) {
    const auto value = Member(name, JsonType::kString);
    return value ? std::optional(value->ToString()) : std::nullopt;
  }

  std::optional<bool> Bool(std::string_view name) {
    const auto value = Member(name, JsonType::kBoolean);
    return value ? std::optional(value->boolean()) : std::nullopt;
  }

  std::optional<int64_t> Microseconds(std::string_view name) {
    const auto value = Member(name, JsonType::kNumber);
    if (!value) return std::nullopt;
    const std::string_view digits = value->raw();
    int64_t number = 0;
    const auto [end, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (problem != std::errc() || end != digits.data() + digits.size()) {
      Fail("its `" + std::string(name) + "` is no number of microseconds");
      return std::nullopt;
    }
    return number;
  }

  std::vector<std::string> Texts(std::string_view name) {
    std::vector<std::string> texts;
    const auto value = Member(name, JsonType::kArray);
    if (!value) return texts;
    value->ForEachElement([&](const JsonValue& item) {
      if (item.type() == JsonType::kString) {
        texts.push_back(item.ToString());
      } else {
        Fail("its `" + std::string(name) + "` are no list of texts");
      }
    });
    return texts;
  }

 private:
  std::optional<JsonValue> Member(std::string_view name, JsonType type) {
    const auto value = row_.Find(name);
    if (!value || value->is_null()) return std::nullopt;
    if (value->type() != type) {
      Fail("its `" + std::string(name) + "` has a type that it must not have");
      return std::nullopt;
    }
    return value;
  }

  const JsonValue row_;
  std::string error_;
};

std::optional<Key> ReadSecret(RowReader* row, std::string_view name) {
  const auto secret = row->Text(name);
  if (!secret) return std::nullopt;
  auto key = Key::OfSecret(*secret);
  if (!key) row->Fail("its `" + std::string(name) + "` is shorter than 32 bytes");
  return key;
}

void ReadKeys(RowReader* row, Issuer* issuer) {
  if (auto secret = ReadSecret(row, "secret")) issuer->keys.push_back(std::move(*secret));
  if (const auto pem = row->Text("public_key")) {
    if (auto key = KeyOfPem(*pem)) {
      issuer->keys.push_back(std::move(*key));
    } else {
      row->Fail(
          "its `public_key` is no RSA key of 2048 to 8192 bits, no key on P-256 or P-384, and no"
          " Ed25519 key in PEM");
    }
  }
  for (const char* name : {"jwks", "jwks_file_content"}) {
    const auto json = row->Text(name);
    if (!json) continue;
    std::string error;
    if (const auto set = KeySet::Parse(*json, &error)) {
      issuer->keys.insert(issuer->keys.end(), set->keys().begin(), set->keys().end());
    } else {
      row->Fail("its `" + std::string(name) + "`: " + error);
    }
  }
  issuer->previous = ReadSecret(row, "previous_secret");
  if (const auto until = row->Microseconds("previous_until")) issuer->previous_until_us = *until;
  issuer->jwks_url = row->Text("jwks_url").value_or("");
  if (issuer->keys.empty() && !issuer->previous && issuer->jwks_url.empty()) {
    row->Fail("it has no key that can be used");
  }
}

void ReadRules(RowReader* row, Issuer* issuer) {
  issuer->audiences = row->Texts("audiences");
  // Its keys sign for everybody who uses that service.
  if (!issuer->jwks_url.empty() && issuer->audiences.empty()) {
    row->Fail("it has a `jwks_url` and no `audiences`");
  }
  const std::vector<std::string> algorithms = row->Texts("algorithms");
  if (!algorithms.empty()) issuer->algorithms = {};
  for (const std::string& name : algorithms) {
    if (const auto algorithm = AlgorithmNamed(name)) {
      issuer->algorithms.Add(*algorithm);
    } else {
      row->Fail("its algorithm \"" + name + "\" is not supported");
    }
  }
  issuer->leeway_us = std::min(row->Microseconds("leeway").value_or(0), kLatestUs);
  if (issuer->leeway_us < 0) row->Fail("its `leeway` is negative");
  issuer->require_exp = row->Bool("require_exp").value_or(true);
}

}  // namespace

std::shared_ptr<const Issuers> Issuers::FromSnapshot(const JsonValue& rows,
                                                     std::vector<std::string>* left_out) {
  auto issuers = std::make_shared<Issuers>();
  issuers->fingerprint_ = Sha256({rows.raw()});
  if (rows.type() != JsonType::kArray) left_out->push_back("issuers are no list");
  rows.ForEachElement([&](const JsonValue& row) {
    RowReader reader(row);
    auto issuer = std::make_unique<Issuer>();
    issuer->name = reader.Text("name").value_or("");
    if (issuer->name.empty()) reader.Fail("it has no name");
    const auto iss = reader.Text("issuer");
    ReadKeys(&reader, issuer.get());
    ReadRules(&reader, issuer.get());
    std::string error;
    if (auto mapping = ClaimMapping::FromRow(row, &error)) {
      issuer->mapping = std::move(*mapping);
    } else {
      reader.Fail(error);
    }
    if (issuers->by_name_.contains(issuer->name) ||
        (iss ? issuers->by_iss_.contains(*iss) : issuers->others_ != nullptr)) {
      reader.Fail("there are two of it");
    }
    const bool is_usable = reader.error().empty();
    if (!is_usable) {
      left_out->push_back("issuer \"" + issuer->name + "\": " + reader.error());
      issuers->left_out_.emplace_back(issuer->name, reader.error());
    }
    if (iss) {
      issuers->by_iss_.emplace(*iss, is_usable ? issuer.get() : nullptr);
    } else if (is_usable) {
      issuers->others_ = issuer.get();
    }
    if (is_usable) issuers->by_name_.emplace(issuer->name, std::move(issuer));
  });
  return issuers;
}

const Issuer* Issuers::Of(const std::optional<std::string>& iss) const {
  if (!iss) return others_;
  const auto found = by_iss_.find(*iss);
  return found != by_iss_.end() ? found->second : others_;
}

const Issuer* Issuers::Named(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found != by_name_.end() ? found->second.get() : nullptr;
}

const ClaimMapping& Issuers::MappingOf(std::string_view name) const {
  static const ClaimMapping kDefault;
  const Issuer* const issuer = Named(name);
  return issuer != nullptr ? issuer->mapping : kDefault;
}

std::vector<const Issuer*> Issuers::all() const {
  std::vector<const Issuer*> all;
  for (const auto& [name, issuer] : by_name_) all.push_back(issuer.get());
  return all;
}

}  // namespace fsubs
