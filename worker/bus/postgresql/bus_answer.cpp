#include "worker/bus/postgresql/bus_answer.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "worker/base/clock.hpp"

namespace fsubs {
namespace {

// Kinds of rows, and flags. 1 to 3 are those of records.
constexpr int64_t kEnd = 0;
constexpr int64_t kGap = 4;
constexpr int64_t kMore = 1;  // of the end

// Its version.
constexpr std::string_view kCursorStart = "1/";
constexpr size_t kLongestCursor = 1 << 20;

// From PostgreSQL's years to the system's.
constexpr int64_t kPgEpochUs = int64_t{946684800} * 1000000;
// What lies beyond, or before 1970, is no time of an event.
constexpr int64_t kLatestUs = int64_t{253402300799} * 1000000;

template <size_t kBytes>
std::optional<int64_t> ReadInteger(const std::optional<std::string_view>& value) {
  if (!value || value->size() != kBytes) return std::nullopt;
  uint64_t number = 0;
  for (const char byte : *value) number = number << 8 | static_cast<unsigned char>(byte);
  constexpr int kSpare = 64 - static_cast<int>(kBytes) * 8;
  return static_cast<int64_t>(number << kSpare) >> kSpare;
}

const std::optional<std::string_view>& Column(const BusRow& row, BusColumn column) {
  return row[static_cast<size_t>(column)];
}

// A text, or an empty one for null. False: it is not UTF-8, or too long.
bool TakeText(const std::optional<std::string_view>& value, size_t most, std::string_view* text) {
  *text = value.value_or(std::string_view());
  return text->size() <= most && simdjson::validate_utf8(text->data(), text->size());
}

std::optional<uint64_t> ReadCount(std::string_view digits) {
  uint64_t count = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), count);
  if (error != std::errc() || end != digits.end()) return std::nullopt;
  return count;
}

// What an event and a loss in a channel have in common. False: it makes no sense.
bool TakeRecord(const BusRow& row, uint64_t epoch, EventRecord* record) {
  const auto seq = ReadInteger<8>(Column(row, BusColumn::kSeq));
  const auto flags = ReadInteger<2>(Column(row, BusColumn::kFlags));
  const auto published_us = ReadInteger<8>(Column(row, BusColumn::kPublishedAt));
  const auto xid = ReadInteger<8>(Column(row, BusColumn::kXid));
  if (!seq || *seq <= 0 || !flags || (*flags & ~int64_t{kIncomplete}) != 0 || !xid ||
      !published_us || *published_us < -kPgEpochUs || *published_us > kLatestUs - kPgEpochUs) {
    return false;
  }
  record->flags = static_cast<uint16_t>(*flags);
  record->origin = {epoch, static_cast<Position>(*seq)};
  record->commit_time_us = *published_us + kPgEpochUs;
  record->xid = static_cast<uint32_t>(*xid);
  constexpr size_t kMostData = std::numeric_limits<int32_t>::max();
  return TakeText(Column(row, BusColumn::kEventType), kMaxNameLength, &record->event_type) &&
         TakeText(Column(row, BusColumn::kChannel), kMaxNameLength, &record->channel) &&
         TakeText(Column(row, BusColumn::kCorrelationId), kMaxNameLength,
                  &record->correlation_id) &&
         TakeText(Column(row, BusColumn::kSubgraph), kMaxNameLength, &record->subgraph) &&
         TakeText(Column(row, BusColumn::kData), kMostData, &record->data);
}

// False: the row makes no sense.
bool ReadRecord(const BusRow& row, int64_t kind, uint64_t epoch, EventRecord* record) {
  if (kind != static_cast<int64_t>(RecordKind::kEvent) &&
      kind != static_cast<int64_t>(RecordKind::kEventsLost)) {
    return false;
  }
  if (!TakeRecord(row, epoch, record)) return false;
  record->kind = static_cast<RecordKind>(kind);
  if (record->kind == RecordKind::kEvent) {
    return !record->event_type.empty() && !record->channel.empty() && !record->data.empty();
  }
  if (!ReadCount(record->data)) record->data = {};
  return true;
}

// Of any channel. An empty count: nobody knows it.
void AddLoss(std::string_view count, BusAnswer* answer) {
  BusEvent& loss = answer->events.emplace_back();
  loss.record.kind = RecordKind::kEventsLost;
  loss.record.commit_time_us = NowUs();
  loss.record.data = answer->counts.emplace_back(count);
  answer->lost += ReadCount(count).value_or(1);
}

void AddCatalogChange(BusAnswer* answer) {
  answer->events.emplace_back().record.kind = RecordKind::kCatalogChanged;
}

void AddGap(const BusRow& row, BusAnswer* answer) {
  const auto& data = Column(row, BusColumn::kData);
  const std::optional<uint64_t> count = data ? ReadCount(*data) : std::nullopt;
  if (!count) {
    AddLoss("", answer);
  } else if (*count > 0) {
    AddLoss(std::to_string(*count), answer);
  }
  AddCatalogChange(answer);
}

bool IsCursor(std::string_view text) {
  return text.size() <= kLongestCursor &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; }) &&
         EpochOf(text).has_value();
}

// FNV-1a.
uint64_t HashOf(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

bool HasOnly(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

}  // namespace

std::optional<uint64_t> EpochOf(std::string_view cursor) {
  if (!cursor.starts_with(kCursorStart)) return std::nullopt;
  cursor.remove_prefix(kCursorStart.size());
  const size_t id_end = cursor.find('/');
  if (id_end == std::string_view::npos) return std::nullopt;
  const size_t history_end = cursor.find('/', id_end + 1);
  if (history_end == std::string_view::npos) return std::nullopt;
  if (!HasOnly(cursor.substr(0, id_end), "0123456789abcdef") ||
      !HasOnly(cursor.substr(id_end + 1, history_end - id_end - 1), "0123456789.")) {
    return std::nullopt;
  }
  // 0 would be none.
  return std::max<uint64_t>(HashOf(cursor.substr(0, history_end)), 1);
}

std::string ReadBusAnswer(size_t rows, const std::function<BusRow(size_t)>& row,
                          BusAnswer* answer) {
  if (rows == 0) return "it has no rows";
  const BusRow end = row(rows - 1);
  const auto& cursor = Column(end, BusColumn::kData);
  const auto flags = ReadInteger<2>(Column(end, BusColumn::kFlags));
  if (ReadInteger<2>(Column(end, BusColumn::kKind)) != kEnd || !flags) return "it has no end";
  if (!cursor || !IsCursor(*cursor)) return "its cursor is none of a version that is known here";
  const uint64_t epoch = *EpochOf(*cursor);

  BusAnswer read;
  read.cursor = *cursor;
  read.more = (*flags & kMore) != 0;
  read.events.reserve(rows);
  for (size_t i = 0; i + 1 < rows; ++i) {
    const BusRow one = row(i);
    const int64_t kind = ReadInteger<2>(Column(one, BusColumn::kKind)).value_or(-1);
    BusEvent event;
    if (kind == kGap) {
      AddGap(one, &read);
    } else if (kind == static_cast<int64_t>(RecordKind::kCatalogChanged)) {
      AddCatalogChange(&read);
    } else if (ReadRecord(one, kind, epoch, &event.record)) {
      read.events.push_back(event);
    } else {
      ++read.malformed;
      AddLoss("1", &read);
    }
  }
  *answer = std::move(read);
  return {};
}

}  // namespace fsubs
