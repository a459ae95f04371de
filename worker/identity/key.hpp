// A key that verifies signatures. Immutable once it is set up; threads may share it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "worker/identity/algorithm.hpp"
#include "worker/identity/jws.hpp"

namespace fsubs {

class Key {
 public:
  enum class Curve { kP256, kP384 };

  // Each is empty if the bytes are no such key, or one that is too weak. Numbers are big-endian.

  // At least 32 bytes. What is shorter than a digest does not sign with that digest (RFC 7518,
  // section 3.2).
  static std::optional<Key> OfSecret(std::string_view secret);
  // At least 2048 bits (RFC 7518, section 3.3), and no more than verify in reasonable time.
  static std::optional<Key> OfRsa(std::string_view modulus, std::string_view exponent);
  static std::optional<Key> OfEllipticCurve(Curve curve, std::string_view x, std::string_view y);
  static std::optional<Key> OfEd25519(std::string_view key);

  const std::optional<std::string>& id() const { return id_; }
  void set_id(std::string id) { id_ = std::move(id); }

  // With which it signs. A token's header chooses among these and adds none.
  Algorithms algorithms() const { return algorithms_; }
  void Restrict(Algorithms algorithms) { algorithms_ = algorithms_.And(algorithms); }

  // Who knows it can sign.
  bool is_secret() const { return is_secret_; }

  // Whether it made the signature, with the algorithm that `jws` names, which is one of its own.
  bool Signed(const Jws& jws) const;

 private:
  struct Material;

  Key(std::shared_ptr<const Material> material, Algorithms algorithms, bool is_secret = false)
      : material_(std::move(material)), algorithms_(algorithms), is_secret_(is_secret) {}

  std::shared_ptr<const Material> material_;
  Algorithms algorithms_;
  bool is_secret_;
  std::optional<std::string> id_;
};

}  // namespace fsubs
