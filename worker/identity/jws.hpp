// A signed text in its compact form (RFC 7515, section 7.1), taken apart. That it is well formed
// says nothing of who made it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "worker/identity/algorithm.hpp"
#include "worker/json/json_tree.hpp"

namespace fsubs {

// Reuse one for many texts: its memory is kept.
class Jws {
 public:
  // Returns why `text` is no such text, or has a header that cannot be met; empty if it is one.
  // `text` outlives what the rest returns.
  [[nodiscard]] std::string_view Parse(std::string_view text);

  // REQUIRES for all of these: the last Parse succeeded.
  std::string_view text() const { return text_; }
  Algorithm algorithm() const { return algorithm_; }
  const std::optional<std::string>& key_id() const { return key_id_; }
  const std::string& payload() const { return payload_; }
  // What is signed: header and payload in base64url.
  std::string_view signing_input() const { return signing_input_; }
  const std::string& signature() const { return signature_; }

 private:
  std::string_view ReadHeader(std::string_view base64url);

  std::string_view text_;
  std::string_view signing_input_;
  std::string payload_;
  std::string signature_;
  JsonTree header_;
  Algorithm algorithm_{};
  std::optional<std::string> key_id_;
};

}  // namespace fsubs
