#include "worker/identity/jws.hpp"

#include <utility>

#include "worker/identity/base64url.hpp"
#include "worker/identity/unique_members.hpp"

namespace fsubs {

std::string_view Jws::Parse(std::string_view text) {
  constexpr std::string_view kNotCompact = "the token is no compact JWS";
  const size_t header_end = text.find('.');
  if (header_end == std::string_view::npos) return kNotCompact;
  const size_t payload_end = text.find('.', header_end + 1);
  // A third dot is no digit of base64url.
  if (payload_end == std::string_view::npos) return kNotCompact;
  auto payload = DecodeBase64Url(text.substr(header_end + 1, payload_end - header_end - 1));
  auto signature = DecodeBase64Url(text.substr(payload_end + 1));
  if (!payload || !signature) return kNotCompact;
  text_ = text;
  signing_input_ = text.substr(0, payload_end);
  payload_ = std::move(*payload);
  signature_ = std::move(*signature);
  return ReadHeader(text.substr(0, header_end));
}

std::string_view Jws::ReadHeader(std::string_view base64url) {
  const auto json = DecodeBase64Url(base64url);
  if (!json || !header_.ParseCopy(*json) || header_.root().type() != JsonType::kObject) {
    return "the token's header is no JSON object in base64url";
  }
  const JsonValue header = header_.root();
  if (!HasUniqueMembers(header)) return "the token's header has a name twice";
  // No extension of RFC 7515 that changes what is signed is understood here. `b64` is one that must
  // stand in `crit` too (RFC 7797), which not every issuer heeds.
  if (header.Find("crit")) return "the token's header has `crit`";
  const auto encoded = header.Find("b64");
  if (encoded && encoded->raw() != "true") return "the token's header has `b64`";
  const auto type = header.Find("typ");
  if (type && type->type() != JsonType::kString) return "the token's `typ` is no string";
  const auto algorithm = header.Find("alg");
  if (!algorithm || algorithm->type() != JsonType::kString) return "the token has no algorithm";
  const auto known = AlgorithmNamed(algorithm->text());
  if (!known) return "the token's algorithm is not supported";
  algorithm_ = *known;
  key_id_.reset();
  if (const auto id = header.Find("kid")) {
    if (id->type() != JsonType::kString) return "the token's `kid` is no string";
    key_id_ = id->ToString();
  }
  return {};
}

}  // namespace fsubs
