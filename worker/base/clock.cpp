#include "worker/base/clock.hpp"

#include <algorithm>
#include <cstdio>

namespace fsubs {
namespace {

constexpr int64_t kLastUs = 253'402'300'799'999'999;

}  // namespace

void AppendUtcTime(int64_t us_since_1970, std::string* out) {
  using namespace std::chrono;
  const sys_time<microseconds> time{microseconds(std::min(us_since_1970, kLastUs))};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss<microseconds> clock(time - day);
  char text[40];
  std::snprintf(
      text, sizeof(text), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  *out += text;
}

}  // namespace fsubs
