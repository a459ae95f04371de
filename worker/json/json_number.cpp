#include "worker/json/json_number.hpp"

#include <algorithm>
#include <charconv>

namespace fsubs {
namespace {

// Larger exponents count as this one, so that sums of exponents and lengths do not overflow. jsonb
// ends at 131,072 digits.
constexpr int64_t kMaxExponent = int64_t{1} << 40;

// Digits of the largest double.
constexpr int64_t kMaxExpandedDigits = 309;

struct Decimal {
  bool negative = false;
  // From the first digit that is not zero to the last one, perhaps with a point between. Empty for
  // zero.
  std::string_view digits;
  int64_t exponent = 0;  // power of ten of the last digit
};

int64_t ReadExponent(std::string_view text) {
  if (text.front() == '+') text.remove_prefix(1);
  int64_t exponent = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), exponent).ec != std::errc{}) {
    exponent = text.front() == '-' ? -kMaxExponent : kMaxExponent;
  }
  return std::clamp(exponent, -kMaxExponent, kMaxExponent);
}

Decimal Read(std::string_view number) {
  Decimal decimal;
  decimal.negative = number.front() == '-';
  if (decimal.negative) number.remove_prefix(1);
  const size_t e = number.find_first_of("eE");
  const std::string_view mantissa = number.substr(0, e);
  const size_t first = mantissa.find_first_not_of("0.");
  if (first == std::string_view::npos) return {};
  const size_t last = mantissa.find_last_not_of("0.");
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  decimal.digits = mantissa.substr(first, last + 1 - first);
  decimal.exponent = static_cast<int64_t>(point) - static_cast<int64_t>(last);
  if (last < point) --decimal.exponent;
  if (e != std::string_view::npos) decimal.exponent += ReadExponent(number.substr(e + 1));
  return decimal;
}

void AppendDigits(const Decimal& decimal, std::string* out) {
  if (decimal.negative) *out += '-';
  const size_t point = decimal.digits.find('.');
  out->append(decimal.digits.substr(0, point));
  if (point != std::string_view::npos) out->append(decimal.digits.substr(point + 1));
}

}  // namespace

bool IsJsonNumber(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t start = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at > start;
  };
  const auto skip = [&](char c) { return at < text.size() && text[at] == c && ++at > 0; };
  skip('-');
  if (!skip('0') && !digits()) return false;
  if (skip('.') && !digits()) return false;
  if (skip('e') || skip('E')) {
    if (!skip('+')) skip('-');
    if (!digits()) return false;
  }
  return at == text.size();
}

bool IsZero(std::string_view number) {
  return Read(number).digits.empty();
}

void AppendNumberForm(std::string_view number, std::string* out) {
  constexpr char kNegative = 0;
  constexpr char kZero = 1;
  constexpr char kPositive = 2;
  const Decimal decimal = Read(number);
  if (decimal.digits.empty()) {
    *out += kZero;
    return;
  }
  *out += decimal.negative ? kNegative : kPositive;
  const size_t start = out->size();
  const size_t point = decimal.digits.find('.');
  const size_t count = decimal.digits.size() - (point != std::string_view::npos ? 1 : 0);
  // The place of the first digit, biased to be positive, from its highest byte.
  const auto magnitude =
      static_cast<uint64_t>(decimal.exponent + static_cast<int64_t>(count) + (int64_t{1} << 62));
  for (int shift = 56; shift >= 0; shift -= 8) {
    *out += static_cast<char>(magnitude >> shift & 0xFF);
  }
  out->append(decimal.digits.substr(0, point));
  if (point != std::string_view::npos) out->append(decimal.digits.substr(point + 1));
  *out += '\0';  // ends the digits below any digit
  if (!decimal.negative) return;
  for (size_t i = start; i < out->size(); ++i) (*out)[i] = static_cast<char>(~(*out)[i]);
}

bool AppendWholeNumber(std::string_view number, std::string* out) {
  const Decimal decimal = Read(number);
  if (decimal.digits.empty()) {
    *out += '0';
    return true;
  }
  if (number.find_first_of(".eE") == std::string_view::npos) {
    out->append(number);
    return true;
  }
  const auto length = static_cast<int64_t>(decimal.digits.size());
  if (decimal.exponent < 0 || length + decimal.exponent > kMaxExpandedDigits) return false;
  AppendDigits(decimal, out);
  out->append(static_cast<size_t>(decimal.exponent), '0');
  return true;
}

IntResult ToInt(std::string_view number, int32_t* value) {
  const auto read = [value](std::string_view text) {
    int32_t parsed = 0;
    const char* const end = text.data() + text.size();
    const auto [at, code] = std::from_chars(text.data(), end, parsed);
    if (code != std::errc{} || at != end) return false;
    *value = parsed;
    return true;
  };
  if (read(number)) return IntResult::kOk;
  std::string whole;
  if (!AppendWholeNumber(number, &whole)) return IntResult::kNotWhole;
  return read(whole) ? IntResult::kOk : IntResult::kOutOfRange;
}

}  // namespace fsubs
