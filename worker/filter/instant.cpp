#include "worker/filter/instant.hpp"

#include <charconv>
#include <chrono>
#include <cstdint>

namespace fsubs {
namespace {

// Reads a text from its front.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }

  bool Skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Between `min_digits` and `max_digits` decimal digits.
  bool Number(size_t min_digits, size_t max_digits, int* value) {
    size_t count = 0;
    while (count < rest_.size() && count < max_digits && rest_[count] >= '0' && rest_[count] <= '9')
      ++count;
    if (count < min_digits) return false;
    std::from_chars(rest_.data(), rest_.data() + count, *value);
    rest_.remove_prefix(count);
    return true;
  }

  // Digits behind a decimal point, as nanoseconds; further ones are dropped.
  bool Fraction(uint32_t* nanoseconds) {
    uint32_t unit = 100000000;
    size_t count = 0;
    for (; count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9';
         ++count, unit /= 10) {
      *nanoseconds += static_cast<uint32_t>(rest_[count] - '0') * unit;
    }
    rest_.remove_prefix(count);
    return count > 0;
  }

 private:
  std::string_view rest_;
};

struct Moment {
  int64_t seconds = 0;  // since 1970
  uint32_t nanoseconds = 0;
};

bool ReadDate(Reader* reader, Moment* moment) {
  int year = 0;
  int month = 0;
  int day = 0;
  if (!reader->Number(4, 6, &year) || !reader->Skip('-') || !reader->Number(2, 2, &month) ||
      !reader->Skip('-') || !reader->Number(2, 2, &day)) {
    return false;
  }
  if (year > 32767) return false;  // what std::chrono::year holds
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return false;
  moment->seconds = int64_t{std::chrono::sys_days(date).time_since_epoch().count()} * 86400;
  return true;
}

bool ReadTime(Reader* reader, Moment* moment) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!reader->Number(2, 2, &hour) || !reader->Skip(':') || !reader->Number(2, 2, &minute)) {
    return false;
  }
  if (reader->Skip(':') && !reader->Number(2, 2, &second)) return false;
  if (hour > 24 || minute > 59 || second > 60) return false;
  if (reader->Skip('.') && !reader->Fraction(&moment->nanoseconds)) return false;
  moment->seconds += hour * 3600 + minute * 60 + second;
  return true;
}

bool ReadZone(Reader* reader, Moment* moment) {
  if (reader->Skip('Z') || reader->Skip('z')) return true;
  const bool west = reader->Skip('-');
  if (!west && !reader->Skip('+')) return false;
  int hours = 0;
  int minutes = 0;
  int seconds = 0;
  if (!reader->Number(2, 2, &hours)) return false;
  if (reader->Skip(':') || !reader->done()) {
    if (!reader->Number(2, 2, &minutes)) return false;
    if (reader->Skip(':') && !reader->Number(2, 2, &seconds)) return false;
  }
  if (hours > 23 || minutes > 59 || seconds > 59) return false;
  const int offset = hours * 3600 + minutes * 60 + seconds;
  moment->seconds += west ? offset : -offset;
  return true;
}

bool Read(std::string_view text, Moment* moment) {
  if (text == "infinity" || text == "-infinity") {
    moment->seconds = text.front() == '-' ? INT64_MIN : INT64_MAX;
    return true;
  }
  Reader reader(text);
  if (!ReadDate(&reader, moment)) return false;
  if (reader.done()) return true;
  if (!reader.Skip('T') && !reader.Skip('t') && !reader.Skip(' ')) return false;
  if (!ReadTime(&reader, moment)) return false;
  reader.Skip(' ');
  return reader.done() || (ReadZone(&reader, moment) && reader.done());
}

template <typename Unsigned>
void AppendBigEndian(Unsigned value, std::string* out) {
  for (int shift = (sizeof(value) - 1) * 8; shift >= 0; shift -= 8) {
    *out += static_cast<char>(value >> shift & 0xFF);
  }
}

}  // namespace

bool AppendInstantForm(std::string_view text, std::string* out) {
  Moment moment;
  if (!Read(text, &moment)) return false;
  // With the sign bit inverted, negative numbers order below positive ones.
  AppendBigEndian(static_cast<uint64_t>(moment.seconds) ^ (uint64_t{1} << 63), out);
  AppendBigEndian(moment.nanoseconds, out);
  return true;
}

}  // namespace fsubs
