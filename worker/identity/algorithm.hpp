// Ways to sign (RFC 7518, section 3.1; RFC 8037).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace fsubs {

enum class Algorithm : uint8_t {
  kHs256,
  kHs384,
  kHs512,
  kRs256,
  kRs384,
  kRs512,
  kPs256,
  kPs384,
  kPs512,
  kEs256,
  kEs384,
  kEdDsa,  // with Ed25519 alone
};

// By its name in `alg`. Nothing for `none` and for what is not supported.
std::optional<Algorithm> AlgorithmNamed(std::string_view name);

class Algorithms {
 public:
  constexpr Algorithms() = default;
  constexpr Algorithms(std::initializer_list<Algorithm> algorithms) {
    for (const Algorithm algorithm : algorithms) Add(algorithm);
  }
  static constexpr Algorithms All() {
    Algorithms all;
    all.bits_ = 0xffff;
    return all;
  }

  constexpr void Add(Algorithm algorithm) { bits_ |= Bit(algorithm); }
  constexpr bool Has(Algorithm algorithm) const { return (bits_ & Bit(algorithm)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  // Those that `other` has too.
  constexpr Algorithms And(Algorithms other) const {
    other.bits_ &= bits_;
    return other;
  }

 private:
  static constexpr uint16_t Bit(Algorithm algorithm) {
    return static_cast<uint16_t>(1U << static_cast<unsigned>(algorithm));
  }

  uint16_t bits_ = 0;
};

}  // namespace fsubs
