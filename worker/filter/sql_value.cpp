#include "worker/filter/sql_value.hpp"

#include <locale.h>
#include <wctype.h>

#include <bit>
#include <cmath>

#include "worker/filter/ordered_bytes.hpp"
#include "worker/filter/text_reader.hpp"
#include "worker/json/json_number.hpp"

namespace fsubs {
namespace {

// Beside the first bytes of AppendNumberForm's forms. A negative number has bytes behind the first.
constexpr char kMinusInfinity[] = {0, 0};
constexpr char kInfinity = 3;
constexpr char kNaN = 4;

// -1 or 1 for an infinity, 0 for anything else.
int InfinityOf(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (!IsSameWord(text, "infinity") && !IsSameWord(text, "inf")) return 0;
  return negative ? -1 : 1;
}

bool IsNaN(std::string_view text) {
  return IsSameWord(text, "nan");
}

// The number in `text` without what JSON does not allow but PostgreSQL does: a plus, blanks around.
// Empty if it is none; it may begin or end with the point, or begin with zeros.
std::string_view NumberIn(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  TextReader reader(text);
  reader.Skip('-');
  const size_t whole = reader.Digits().size();
  const size_t fraction = reader.Skip('.') ? reader.Digits().size() : 0;
  if (whole + fraction == 0) return {};
  if (reader.SkipWord("e")) {
    if (!reader.Skip('+')) reader.Skip('-');
    if (reader.Digits().empty()) return {};
  }
  return reader.done() ? text : std::string_view();
}

// IEEE numbers with the sign bit inverted, all bits of negative ones, order as unsigned numbers do.
template <typename Unsigned, typename Float>
bool AppendFloat(std::string_view text, std::string* out) {
  constexpr Unsigned kSign = Unsigned{1} << (sizeof(Unsigned) * 8 - 1);
  Float value = 0;
  text = Trim(text);
  if (IsNaN(text)) {
    AppendUnsigned(static_cast<Unsigned>(~Unsigned{0}), out);
    return true;
  }
  if (const int infinity = InfinityOf(text); infinity != 0) {
    value = static_cast<Float>(infinity) * static_cast<Float>(INFINITY);
  } else {
    const std::string_view number = NumberIn(text);
    const char* const end = number.data() + number.size();
    if (number.empty() || std::from_chars(number.data(), end, value).ec != std::errc{}) {
      return false;
    }
  }
  if (value == 0) value = 0;  // not -0
  const auto bits = std::bit_cast<Unsigned>(value);
  AppendUnsigned(static_cast<Unsigned>((bits & kSign) != 0 ? ~bits : bits | kSign), out);
  return true;
}

bool AppendHex(std::string_view digits, std::string* out) {
  TextReader reader(digits);
  for (;;) {
    reader.SkipBlanks();
    if (reader.done()) return true;
    const std::string_view pair = reader.rest().substr(0, 2);
    if (pair.size() < 2 || HexValue(pair[0]) < 0 || HexValue(pair[1]) < 0) return false;
    *out += static_cast<char>(HexValue(pair[0]) * 16 + HexValue(pair[1]));
    reader.Skip(pair[0]);
    reader.Skip(pair[1]);
  }
}

bool IsOctal(char c) {
  return c >= '0' && c <= '7';
}

// "" or a beginning of `word`, in any case. At least `min_size` letters.
bool Begins(std::string_view word, std::string_view text, size_t min_size) {
  return text.size() >= min_size && text.size() <= word.size() &&
         IsSameWord(word.substr(0, text.size()), text);
}

// Made when the program starts: once the worker serves, it may not read the files of a locale.
const locale_t kUtf8Locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);

// The code point at the front of valid UTF-8, and its length.
char32_t CodePointAt(std::string_view text, size_t* length) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  *length = byte(0) < 0x80 ? 1 : byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
  if (*length == 1 || *length > text.size()) {
    *length = 1;
    return byte(0);
  }
  char32_t point = byte(0) & (0x7Fu >> *length);
  for (size_t i = 1; i < *length; ++i) point = point << 6 | (byte(i) & 0x3Fu);
  return point;
}

void AppendUtf8(char32_t point, std::string* out) {
  if (point < 0x80) {
    *out += static_cast<char>(point);
  } else if (point < 0x800) {
    *out += static_cast<char>(0xC0 | point >> 6);
    *out += static_cast<char>(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    *out += static_cast<char>(0xE0 | point >> 12);
    *out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    *out += static_cast<char>(0x80 | (point & 0x3F));
  } else {
    *out += static_cast<char>(0xF0 | point >> 18);
    *out += static_cast<char>(0x80 | (point >> 12 & 0x3F));
    *out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    *out += static_cast<char>(0x80 | (point & 0x3F));
  }
}

}  // namespace

bool AppendSqlNumber(std::string_view text, std::string* out) {
  text = Trim(text);
  const int infinity = InfinityOf(text);
  if (infinity < 0) {
    out->append(kMinusInfinity, sizeof(kMinusInfinity));
  } else if (infinity > 0) {
    *out += kInfinity;
  } else if (IsNaN(text)) {
    *out += kNaN;
  } else {
    const std::string_view number = NumberIn(text);
    if (number.empty()) return false;
    AppendNumberForm(number, out);
  }
  return true;
}

bool AppendFloat4Form(std::string_view text, std::string* out) {
  return AppendFloat<uint32_t, float>(text, out);
}

bool AppendFloat8Form(std::string_view text, std::string* out) {
  return AppendFloat<uint64_t, double>(text, out);
}

bool AppendMoneyForm(std::string_view text, std::string* out) {
  bool negative = false;
  bool has_point = false;
  size_t decimals = 0;
  size_t digits = 0;
  int64_t cents = 0;  // below zero, where there is one more
  const auto append_digit = [&cents](int digit) {
    return !__builtin_mul_overflow(cents, 10, &cents) &&
           !__builtin_sub_overflow(cents, digit, &cents);
  };
  bool rounds_up = false;
  for (const char c : text) {
    if (c == '-' || c == '(') {
      if (digits > 0) return false;
      negative = true;
    } else if (c == '.') {
      if (has_point) return false;
      has_point = true;
    } else if (graphql::IsDigit(c)) {
      ++digits;
      if (has_point && ++decimals > 2) {
        if (decimals == 3) rounds_up = c >= '5';
        continue;
      }
      if (!append_digit(c - '0')) return false;
    } else if (c != '$' && c != ',' && c != ')' && c != '+' && !IsBlank(c)) {
      return false;
    }
  }
  if (digits == 0) return false;
  for (; decimals < 2; ++decimals) {
    if (!append_digit(0)) return false;
  }
  if (rounds_up && __builtin_sub_overflow(cents, 1, &cents)) return false;
  if (!negative && cents == INT64_MIN) return false;
  AppendSigned(negative ? cents : -cents, out);
  return true;
}

bool ReadSqlBoolean(std::string_view text, bool* value) {
  text = Trim(text);
  if (Begins("true", text, 1) || Begins("yes", text, 1) || IsSameWord(text, "on") || text == "1") {
    *value = true;
    return true;
  }
  *value = false;
  return Begins("false", text, 1) || Begins("no", text, 1) || Begins("off", text, 2) || text == "0";
}

bool AppendUuidForm(std::string_view text, std::string* out) {
  constexpr int kBytes = 16;
  TextReader reader(text);
  const bool braces = reader.Skip('{');
  for (int i = 0; i < kBytes; ++i) {
    const std::string_view pair = reader.rest().substr(0, 2);
    if (pair.size() < 2 || HexValue(pair[0]) < 0 || HexValue(pair[1]) < 0) return false;
    *out += static_cast<char>(HexValue(pair[0]) * 16 + HexValue(pair[1]));
    reader.Skip(pair[0]);
    reader.Skip(pair[1]);
    // A hyphen may stand behind each fourth digit but the last.
    if (i % 2 == 1 && i < kBytes - 1) reader.Skip('-');
  }
  return (!braces || reader.Skip('}')) && reader.done();
}

bool AppendBytesForm(std::string_view text, std::string* out) {
  if (text.starts_with("\\x")) return AppendHex(text.substr(2), out);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      *out += text[i];
      continue;
    }
    const std::string_view escaped = text.substr(i + 1, 3);
    if (escaped.starts_with('\\')) {
      *out += '\\';
      ++i;
    } else if (escaped.size() == 3 && escaped[0] <= '3' && IsOctal(escaped[0]) &&
               IsOctal(escaped[1]) && IsOctal(escaped[2])) {
      *out +=
          static_cast<char>((escaped[0] - '0') * 64 + (escaped[1] - '0') * 8 + (escaped[2] - '0'));
      i += 3;
    } else {
      return false;
    }
  }
  return true;
}

bool AppendBitsForm(std::string_view text, std::string* out) {
  TextReader reader(text);
  const bool hex = reader.SkipWord("X");
  if (!hex) reader.SkipWord("B");
  for (const char c : reader.rest()) {
    const int value = HexValue(c);
    if (value < 0 || (!hex && value > 1)) return false;
    for (int bit = hex ? 3 : 0; bit >= 0; --bit) *out += (value >> bit & 1) != 0 ? '1' : '0';
  }
  return true;
}

bool AppendLsnForm(std::string_view text, std::string* out) {
  uint64_t lsn = 0;
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  for (const std::string_view half : {text.substr(0, slash), text.substr(slash + 1)}) {
    if (half.empty() || half.size() > 8) return false;
    uint64_t value = 0;
    for (const char c : half) {
      if (HexValue(c) < 0) return false;
      value = value * 16 + static_cast<uint64_t>(HexValue(c));
    }
    lsn = lsn << 32 | value;
  }
  AppendUnsigned(lsn, out);
  return true;
}

void AppendLower(std::string_view text, std::string* out) {
  while (!text.empty()) {
    size_t length = 1;
    const char32_t point = CodePointAt(text, &length);
    if (length == 1 || kUtf8Locale == nullptr) {
      *out += graphql::ToLower(text.front());
      text.remove_prefix(1);
      continue;
    }
    AppendUtf8(static_cast<char32_t>(towlower_l(static_cast<wint_t>(point), kUtf8Locale)), out);
    text.remove_prefix(length);
  }
}

}  // namespace fsubs
