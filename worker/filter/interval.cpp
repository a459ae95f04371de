#include "worker/filter/interval.hpp"

#include <cmath>

#include "worker/filter/date_time.hpp"
#include "worker/filter/ordered_bytes.hpp"
#include "worker/filter/text_reader.hpp"

namespace fsubs {
namespace {

// In microseconds. The largest interval of PostgreSQL has more than 64 bits of them.
using Span = __int128;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kMonth = 30 * kDay;
constexpr int64_t kMonthsPerYear = 12;

// More digits than these make no interval, and fewer no overflow.
constexpr size_t kMaxDigits = 12;
constexpr size_t kMaxFraction = 20;
constexpr size_t kMaxText = 1000;

struct Unit {
  std::string_view names;  // each between blanks
  int64_t microseconds = 0;
  int64_t months = 0;  // whole ones, into which a fraction is rounded
};

constexpr Unit kUnits[] = {
    {" us usec usecs microsecond microseconds usecond useconds ", 1},
    {" ms msec msecs millisecond milliseconds msecond mseconds ", 1000},
    {" s sec secs second seconds ", kSecond},
    {" m min mins minute minutes ", kMinute},
    {" h hr hrs hour hours ", kHour},
    {" d day days ", kDay},
    {" w week weeks ", 7 * kDay},
    {" mon mons month months ", kMonth},
    {" y yr yrs year years ", 0, kMonthsPerYear},
    {" dec decs decade decades ", 0, 10 * kMonthsPerYear},
    {" c cent century centuries ", 0, 100 * kMonthsPerYear},
    {" mil mils millennium millennia ", 0, 1000 * kMonthsPerYear},
};

const Unit* FindUnit(std::string_view name) {
  if (name.empty()) return nullptr;
  const std::string sought = " " + graphql::ToLower(name) + " ";
  for (const Unit& unit : kUnits) {
    if (unit.names.find(sought) != std::string_view::npos) return &unit;
  }
  return nullptr;
}

// A number as it is written.
struct Amount {
  int64_t whole = 0;
  double fraction = 0;
  bool negative = false;

  Span Times(const Unit& unit) const {
    Span span;
    if (unit.months > 0) {
      const double months = std::rint(fraction * static_cast<double>(unit.months));
      span = (Span{whole} * unit.months + static_cast<int64_t>(months)) * kMonth;
    } else {
      const double rest = std::rint(fraction * static_cast<double>(unit.microseconds));
      span = Span{whole} * unit.microseconds + static_cast<int64_t>(rest);
    }
    return negative ? -span : span;
  }
};

bool ReadSign(TextReader* reader) {
  const bool negative = reader->Skip('-');
  if (!negative) reader->Skip('+');
  return negative;
}

// Reads digits behind a point, if there is one.
bool ReadFraction(TextReader* reader, double* fraction) {
  if (!reader->Skip('.')) return true;
  const std::string number = "0." + std::string(reader->Digits().substr(0, kMaxFraction));
  return std::from_chars(number.data(), number.data() + number.size(), *fraction).ec == std::errc{};
}

bool ReadAmount(TextReader* reader, Amount* amount) {
  amount->negative = ReadSign(reader);
  const bool has_whole = reader->Number(1, kMaxDigits, &amount->whole);
  return (has_whole || reader->front() == '.') && !graphql::IsDigit(reader->front()) &&
         ReadFraction(reader, &amount->fraction);
}

// The rest of a time whose hours were read.
bool ReadClock(TextReader* reader, const Amount& hours, Span* span) {
  int64_t minutes = 0;
  int64_t seconds = 0;
  double fraction = 0;
  if (hours.fraction != 0 || !reader->Number(2, 2, &minutes)) return false;
  if (reader->Skip(':') && (!reader->Number(2, 2, &seconds) || !ReadFraction(reader, &fraction))) {
    return false;
  }
  if (minutes > 59 || seconds > 59) return false;
  const Span time = Span{hours.whole} * kHour + minutes * kMinute + seconds * kSecond +
                    static_cast<int64_t>(std::rint(fraction * static_cast<double>(kSecond)));
  *span += hours.negative ? -time : time;
  return true;
}

bool ReadIso(TextReader* reader, Span* span) {
  bool in_time = false;
  bool any = false;
  while (!reader->done()) {
    if (!in_time && reader->SkipWord("T")) in_time = true;
    Amount amount;
    if (!ReadAmount(reader, &amount)) return false;
    const std::string designator = graphql::ToLower(reader->rest().substr(0, 1));
    const std::string_view allowed = in_time ? "hms" : "ymwd";
    if (designator.empty() || allowed.find(designator) == std::string_view::npos) return false;
    reader->SkipWord(designator);
    *span += amount.Times(*FindUnit(!in_time && designator == "m" ? "mon" : designator));
    any = true;
  }
  return any;
}

bool ReadUnits(TextReader* reader, Span* span) {
  bool any = false;
  reader->Skip('@');
  for (reader->SkipBlanks(); !reader->done(); reader->SkipBlanks()) {
    if (any && reader->SkipWord("ago")) {
      *span = -*span;
      return reader->done();
    }
    Amount amount;
    if (!ReadAmount(reader, &amount)) return false;
    any = true;
    if (reader->Skip(':')) {
      if (!ReadClock(reader, amount, span)) return false;
      continue;
    }
    reader->SkipBlanks();
    const std::string_view name = reader->Letters();
    const Unit* unit = FindUnit(name);
    if (unit == nullptr && name.empty()) {
      // A number alone is days in front of a time, and seconds at the end.
      unit = FindUnit(reader->done() ? "s" : "d");
    }
    if (unit == nullptr) return false;
    *span += amount.Times(*unit);
  }
  return any;
}

bool Read(std::string_view text, Span* span) {
  text = Trim(text);
  if (text.size() > kMaxText) return false;
  TextReader reader(text);
  return reader.SkipWord("P") ? ReadIso(&reader, span) : ReadUnits(&reader, span);
}

}  // namespace

bool AppendIntervalForm(std::string_view text, std::string* out) {
  Span span = 0;
  if (IsSameWord(Trim(text), "infinity")) {
    span = static_cast<Span>(~static_cast<unsigned __int128>(0) >> 1);
  } else if (IsSameWord(Trim(text), "-infinity")) {
    span = -static_cast<Span>(~static_cast<unsigned __int128>(0) >> 1);
  } else if (!Read(text, &span)) {
    return false;
  }
  AppendUnsigned(static_cast<unsigned __int128>(span) ^ (static_cast<unsigned __int128>(1) << 127),
                 out);
  return true;
}

}  // namespace fsubs
