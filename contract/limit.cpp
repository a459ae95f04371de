#include "contract/limit.hpp"

#include <algorithm>
#include <charconv>

namespace fsubs {
namespace {

constexpr char kNoNumber[] = "It must be a number from 0 to 1000000000.";
constexpr char kNoRate[] =
    "It must be a number from 0 to 1000000000 with \"/s\", \"/min\" or \"/h\" behind it.";
constexpr char kNoBurst[] =
    "Behind the rate nothing may stand but \"burst\" and a number from 1 to 1000000000.";
constexpr char kBurstOfNone[] = "What is never allowed cannot have a burst.";

struct Period {
  std::string_view name;
  uint64_t seconds;
};

constexpr Period kPeriods[] = {{"s", 1}, {"min", 60}, {"h", 3600}};
constexpr uint64_t kSecondUs = 1'000'000;

// A number at the beginning of `*text`, written as short as it can be, which leaves it.
bool TakeNumber(std::string_view* text, uint32_t* number) {
  const char* const begin = text->data();
  const auto [end, error] = std::from_chars(begin, begin + text->size(), *number);
  const auto digits = static_cast<size_t>(end - begin);
  if (error != std::errc{} || *number > kMaxLimit || (digits > 1 && *begin == '0')) return false;
  text->remove_prefix(digits);
  return true;
}

bool TakeSpaces(std::string_view* text) {
  const size_t spaces = std::min(text->find_first_not_of(' '), text->size());
  text->remove_prefix(spaces);
  return spaces > 0;
}

const char* ParseRate(std::string_view text, LimitValue* rate) {
  LimitValue read;
  if (!TakeNumber(&text, &read.count)) return kNoRate;
  if (text.empty() && read.count == 0) {
    *rate = {.period_us = kSecondUs};
    return nullptr;
  }
  if (!text.starts_with('/')) return kNoRate;
  text.remove_prefix(1);
  const std::string_view name = text.substr(0, text.find(' '));
  const auto period = std::find_if(std::begin(kPeriods), std::end(kPeriods),
                                   [&](const Period& known) { return known.name == name; });
  if (period == std::end(kPeriods)) return kNoRate;
  read.period_us = period->seconds * kSecondUs;
  text.remove_prefix(name.size());
  if (text.empty()) {
    read.burst = static_cast<uint32_t>((read.count + period->seconds - 1) / period->seconds);
  } else {
    constexpr std::string_view kBurst = "burst";
    if (!TakeSpaces(&text) || !text.starts_with(kBurst)) return kNoBurst;
    text.remove_prefix(kBurst.size());
    if (!TakeSpaces(&text) || !TakeNumber(&text, &read.burst) || read.burst == 0 || !text.empty()) {
      return kNoBurst;
    }
    if (read.count == 0) return kBurstOfNone;
  }
  *rate = read;
  return nullptr;
}

}  // namespace

std::optional<LimitKey> FindLimit(std::string_view key) {
  for (size_t i = 0; i < IndexOf(LimitKey::kRateLimit); ++i) {
    if (key == kLimitKinds[i].key) return static_cast<LimitKey>(i);
  }
  return std::nullopt;
}

bool IsLarger(const LimitValue& a, const LimitValue& b) {
  // In a common period.
  const uint64_t of_a = a.count * std::max<uint64_t>(b.period_us, 1);
  const uint64_t of_b = b.count * std::max<uint64_t>(a.period_us, 1);
  return of_a != of_b ? of_a > of_b : a.burst > b.burst;
}

const char* ParseLimit(LimitForm form, std::string_view text, LimitValue* value) {
  if (form == LimitForm::kRate) return ParseRate(text, value);
  LimitValue read;
  if (!TakeNumber(&text, &read.count) || !text.empty()) return kNoNumber;
  *value = read;
  return nullptr;
}

const char* HintOf(LimitForm form) {
  return form == LimitForm::kRate
             ? "Rates are written as in \"100/s\", \"600/min\" or \"5000/h burst 200\"; 0 is none."
             : "0 is none.";
}

}  // namespace fsubs
