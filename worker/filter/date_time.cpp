#include "worker/filter/date_time.hpp"

#include <cmath>

#include "worker/filter/ordered_bytes.hpp"
#include "worker/filter/text_reader.hpp"

namespace fsubs {
namespace {

constexpr int64_t kSecondsPerDay = 86400;
constexpr int64_t kMicroseconds = 1'000'000;

// The first year of PostgreSQL's timestamps and dates, 4714 before Christ, and the last ones.
constexpr int64_t kMinYear = -4713;
constexpr int64_t kMaxTimestampYear = 294276;
constexpr int64_t kMaxDateYear = 5874897;

// More digits of a fraction than these decide nothing about microseconds.
constexpr size_t kMaxFraction = 20;

struct DateTime {
  int infinity = 0;  // -1, 1: nothing else counts
  int64_t year = 0;
  int64_t days = 0;           // since 2000
  int64_t seconds = 0;        // of the day
  std::string_view fraction;  // of a second: digits
  int64_t offset = 0;         // seconds that the zone is east of UTC

  int64_t microseconds() const { return seconds * kMicroseconds + RoundToMicroseconds(fraction); }
};

// Days since 2000 of a date of the Gregorian calendar. Counts in years that begin in March, so that
// the leap day is the last one.
int64_t DaysFromCivil(int64_t year, int64_t month, int64_t day) {
  constexpr int64_t kDaysPerEra = 146097;  // of 400 years
  constexpr int64_t kFirstDay = 730425;    // of 2000, since March of the year 0
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * kDaysPerEra + day_of_era - kFirstDay;
}

bool IsLeap(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int64_t DaysOf(int64_t year, int64_t month) {
  if (month == 2) return IsLeap(year) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

struct Civil {
  int64_t year = 0;
  int64_t month = 0;
  int64_t day = 0;
};

bool ReadCivil(TextReader* reader, Civil* civil) {
  return reader->Number(4, 7, &civil->year) && reader->Skip('-') &&
         reader->Number(1, 2, &civil->month) && reader->Skip('-') &&
         reader->Number(1, 2, &civil->day);
}

bool ReadClock(TextReader* reader, DateTime* read) {
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
  if (!reader->Number(1, 2, &hour) || !reader->Skip(':') || !reader->Number(2, 2, &minute)) {
    return false;
  }
  if (reader->Skip(':')) {
    if (!reader->Number(2, 2, &second)) return false;
    if (reader->Skip('.')) {
      read->fraction = reader->Digits();
      if (read->fraction.empty()) return false;
      read->fraction = read->fraction.substr(0, read->fraction.find_last_not_of('0') + 1);
    }
  }
  if (hour > 24 || minute > 59 || second > 60) return false;
  read->seconds = hour * 3600 + minute * 60 + second;
  // The end of a day is one, a later time is none.
  return hour < 24 || (read->seconds == kSecondsPerDay && read->fraction.empty());
}

bool ReadZone(TextReader* reader, DateTime* read) {
  for (const char* utc : {"UTC", "GMT", "Z"}) {
    if (reader->SkipWord(utc)) return true;
  }
  const bool west = reader->Skip('-');
  if (!west && !reader->Skip('+')) return false;
  int64_t hours = 0;
  int64_t minutes = 0;
  int64_t seconds = 0;
  if (!reader->Number(1, 2, &hours)) return false;
  if (reader->Skip(':') || graphql::IsDigit(reader->front())) {
    if (!reader->Number(2, 2, &minutes)) return false;
    if (reader->Skip(':') && !reader->Number(2, 2, &seconds)) return false;
  }
  if (hours > 23 || minutes > 59 || seconds > 59) return false;
  read->offset = (hours * 3600 + minutes * 60 + seconds) * (west ? -1 : 1);
  return true;
}

// What stands behind a date or a time: a zone, if there is one.
bool ReadOptionalZone(TextReader* reader, DateTime* read) {
  reader->SkipBlanks();
  const char next = graphql::ToLower(reader->front());
  const bool is_zone = next == '+' || next == '-' || next == 'z' || next == 'u' || next == 'g';
  return !is_zone || ReadZone(reader, read);
}

bool Read(std::string_view text, DateTime* read) {
  text = Trim(text);
  if (IsSameWord(text, "infinity") || IsSameWord(text, "-infinity")) {
    read->infinity = text.front() == '-' ? -1 : 1;
    return true;
  }
  TextReader reader(text);
  Civil civil;
  if (!ReadCivil(&reader, &civil)) return false;
  const bool has_t = reader.SkipWord("T");
  const bool may_have_time = has_t || IsBlank(reader.front());
  if (!has_t) reader.SkipBlanks();
  if (graphql::IsDigit(reader.front()) && may_have_time) {
    if (!ReadClock(&reader, read) || !ReadOptionalZone(&reader, read)) return false;
  } else if (has_t) {
    return false;
  }
  reader.SkipBlanks();
  const bool before_christ = reader.SkipWord("BC");
  if (!before_christ) reader.SkipWord("AD");
  if (!reader.done() || civil.year == 0) return false;
  if (before_christ) civil.year = 1 - civil.year;
  if (civil.month < 1 || civil.month > 12 || civil.day < 1 ||
      civil.day > DaysOf(civil.year, civil.month) || civil.year < kMinYear ||
      civil.year > kMaxDateYear) {
    return false;
  }
  read->year = civil.year;
  read->days = DaysFromCivil(civil.year, civil.month, civil.day);
  return true;
}

bool ReadTimeOfDay(std::string_view text, DateTime* read) {
  TextReader reader(Trim(text));
  return ReadClock(&reader, read) && ReadOptionalZone(&reader, read) && reader.done();
}

bool AppendTimestamp(std::string_view text, bool has_zone, std::string* out) {
  DateTime read;
  if (!Read(text, &read) || read.year > kMaxTimestampYear) return false;
  if (read.infinity != 0) {
    AppendSigned(read.infinity < 0 ? INT64_MIN : INT64_MAX, out);
    return true;
  }
  const int64_t day = (read.days * kSecondsPerDay - (has_zone ? read.offset : 0)) * kMicroseconds;
  AppendSigned(day + read.microseconds(), out);
  return true;
}

}  // namespace

int64_t RoundToMicroseconds(std::string_view digits) {
  if (digits.empty()) return 0;
  const std::string number = "0." + std::string(digits.substr(0, kMaxFraction));
  double fraction = 0;
  std::from_chars(number.data(), number.data() + number.size(), fraction);
  return static_cast<int64_t>(std::rint(fraction * static_cast<double>(kMicroseconds)));
}

bool AppendInstantForm(std::string_view text, std::string* out) {
  DateTime read;
  if (!Read(text, &read)) return false;
  if (read.infinity != 0) {
    AppendSigned(read.infinity < 0 ? INT64_MIN : INT64_MAX, out);
    return true;
  }
  AppendSigned(read.days * kSecondsPerDay + read.seconds - read.offset, out);
  out->append(read.fraction);
  return true;
}

bool AppendTimestampForm(std::string_view text, std::string* out) {
  return AppendTimestamp(text, false, out);
}

bool AppendTimestampTzForm(std::string_view text, std::string* out) {
  return AppendTimestamp(text, true, out);
}

bool ReadDate(std::string_view text, int64_t* days) {
  DateTime read;
  if (!Read(text, &read)) return false;
  *days = read.infinity < 0 ? INT64_MIN : read.infinity > 0 ? INT64_MAX : read.days;
  return true;
}

bool AppendDateForm(std::string_view text, std::string* out) {
  int64_t days = 0;
  if (!ReadDate(text, &days)) return false;
  AppendSigned(days, out);
  return true;
}

bool AppendTimeForm(std::string_view text, std::string* out) {
  DateTime read;
  if (!ReadTimeOfDay(text, &read)) return false;
  AppendSigned(read.microseconds(), out);
  return true;
}

bool AppendTimeTzForm(std::string_view text, std::string* out) {
  DateTime read;
  if (!ReadTimeOfDay(text, &read)) return false;
  AppendSigned(read.microseconds() - read.offset * kMicroseconds, out);
  AppendSigned(-read.offset, out);
  return true;
}

}  // namespace fsubs
