#include "worker/filter/range.hpp"

#include <algorithm>
#include <vector>

#include "worker/filter/date_time.hpp"
#include "worker/filter/ordered_bytes.hpp"
#include "worker/filter/sql_value.hpp"
#include "worker/filter/text_reader.hpp"

namespace fsubs {
namespace {

// A bound as bytes that order as bounds do: a byte that says whether it is finite, the value, and a
// byte that says on which side of the value it is.
constexpr char kUnboundedBelow = 0;
constexpr char kFinite = 1;
constexpr char kUnboundedAbove = 2;
constexpr char kBefore = 0;
constexpr char kBehind = 1;

struct Bounds {
  std::string lower;
  std::string upper;
  bool empty = false;
};

// Take a bound's text, which ends in front of a comma or a bracket. `*unbounded`: nothing stands
// there, not even quotes.
bool TakeBound(TextReader* reader, std::string* text, bool* unbounded) {
  bool quoted = false;
  *unbounded = true;
  for (;;) {
    const char next = reader->front();
    if (reader->done()) return false;
    if (!quoted && (next == ',' || next == ')' || next == ']')) return true;
    if (!quoted && (next == '(' || next == '[')) return false;
    *unbounded = false;
    reader->Skip(next);
    if (next == '"') {
      // Inside quotes, two of them are one.
      if (quoted && reader->Skip('"')) {
        *text += '"';
      } else {
        quoted = !quoted;
      }
    } else if (next == '\\') {
      if (reader->done()) return false;
      *text += reader->front();
      reader->Skip(reader->front());
    } else {
      *text += next;
    }
  }
}

bool IsDiscrete(RangeOf of) {
  return of == RangeOf::kInteger || of == RangeOf::kDate;
}

bool ReadInteger(std::string_view text, int64_t* value) {
  text = Trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  const auto [at, code] = std::from_chars(text.data(), end, *value);
  return code == std::errc{} && at == end && !text.empty();
}

// Append a finite bound. Those of discrete types stand before a value: [1,3] is [1,4).
bool AppendBound(RangeOf of, std::string_view text, bool behind, std::string* bound) {
  *bound += kFinite;
  if (IsDiscrete(of)) {
    int64_t value = 0;
    if (!(of == RangeOf::kDate ? ReadDate(text, &value) : ReadInteger(text, &value))) return false;
    const bool is_last = value == INT64_MAX;  // also the date infinity
    const bool is_infinite = of == RangeOf::kDate && (is_last || value == INT64_MIN);
    if (behind && is_last && !is_infinite) return false;
    const bool steps = behind && !is_infinite;
    AppendSigned(steps ? value + 1 : value, bound);
    *bound += behind && !steps ? kBehind : kBefore;
    return true;
  }
  const bool read = of == RangeOf::kNumber      ? AppendSqlNumber(text, bound)
                    : of == RangeOf::kTimestamp ? AppendTimestampForm(text, bound)
                                                : AppendTimestampTzForm(text, bound);
  *bound += behind ? kBehind : kBefore;
  return read;
}

bool ReadRange(RangeOf of, TextReader* reader, Bounds* bounds) {
  reader->SkipBlanks();
  if (reader->SkipWord("empty")) {
    bounds->empty = true;
    return true;
  }
  const bool lower_excluded = reader->Skip('(');
  if (!lower_excluded && !reader->Skip('[')) return false;
  std::string text;
  std::string least;
  std::string greatest;
  bool unbounded = false;
  if (!TakeBound(reader, &text, &unbounded) || !reader->Skip(',')) return false;
  if (unbounded) {
    bounds->lower += kUnboundedBelow;
  } else if (!AppendBound(of, text, lower_excluded, &bounds->lower) ||
             !AppendBound(of, text, false, &least)) {
    return false;
  }
  text.clear();
  if (!TakeBound(reader, &text, &unbounded)) return false;
  const bool upper_included = reader->Skip(']');
  if (!upper_included && !reader->Skip(')')) return false;
  if (unbounded) {
    bounds->upper += kUnboundedAbove;
  } else if (!AppendBound(of, text, upper_included, &bounds->upper) ||
             !AppendBound(of, text, false, &greatest)) {
    return false;
  }
  if (!greatest.empty() && least > greatest) return false;
  bounds->empty = bounds->lower >= bounds->upper;
  return true;
}

void Append(const Bounds& bounds, std::string* out) {
  constexpr char kEmpty = 0;
  constexpr char kNotEmpty = 1;
  *out += bounds.empty ? kEmpty : kNotEmpty;
  if (!bounds.empty) out->append(bounds.lower).append(bounds.upper);
}

// Read ranges between braces, in any order.
bool ReadMultirange(RangeOf of, TextReader* reader, std::vector<Bounds>* ranges) {
  if (!reader->Skip('{')) return false;
  for (;;) {
    reader->SkipBlanks();
    if (ranges->empty() && reader->Skip('}')) return true;
    if (!ReadRange(of, reader, &ranges->emplace_back())) return false;
    reader->SkipBlanks();
    if (reader->Skip('}')) return true;
    if (!reader->Skip(',')) return false;
  }
}

}  // namespace

bool AppendRangeForm(RangeOf of, std::string_view text, std::string* out) {
  TextReader reader(Trim(text));
  Bounds bounds;
  if (!ReadRange(of, &reader, &bounds) || !reader.done()) return false;
  Append(bounds, out);
  return true;
}

bool AppendMultirangeForm(RangeOf of, std::string_view text, std::string* out) {
  TextReader reader(Trim(text));
  std::vector<Bounds> ranges;
  if (!ReadMultirange(of, &reader, &ranges) || !reader.done()) return false;
  std::erase_if(ranges, [](const Bounds& range) { return range.empty; });
  std::sort(ranges.begin(), ranges.end(),
            [](const Bounds& a, const Bounds& b) { return a.lower < b.lower; });
  std::vector<Bounds> merged;
  for (Bounds& range : ranges) {
    if (merged.empty() || merged.back().upper < range.lower) {
      merged.push_back(std::move(range));
    } else {
      merged.back().upper = std::max(merged.back().upper, range.upper);
    }
  }
  for (const Bounds& range : merged) Append(range, out);
  return true;
}

}  // namespace fsubs
