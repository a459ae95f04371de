#include "src/capture/change_event.hpp"

#include "src/base/guc.hpp"
#include "src/capture/capture_error.hpp"
#include "src/capture/event_limits.hpp"
#include "src/capture/output_settings.hpp"
#include "src/capture/row_compare.hpp"

namespace fsubs {
namespace {

constexpr std::string_view kNull = "null";

// Columns whose JSON is no longer than this stay in all stages but the last, so that most filters
// go on working.
constexpr size_t kShort = 64;

enum class Columns { kAll, kKeyChangedAndShort, kKeyAndShort, kKey };

// Which columns of the two rows an event has. Each stage is tried if those before it do not fit.
struct Stage {
  Columns row;
  Columns old;
};

constexpr Stage kStages[] = {
    {Columns::kAll, Columns::kAll},
    {Columns::kAll, Columns::kKeyChangedAndShort},
    {Columns::kKeyChangedAndShort, Columns::kKeyChangedAndShort},
    {Columns::kKeyAndShort, Columns::kKeyAndShort},
    {Columns::kKey, Columns::kKey},
};

// Those of a change without an old row.
constexpr Stage kStagesOfOneRow[] = {
    {Columns::kAll, Columns::kAll},
    {Columns::kKeyAndShort, Columns::kAll},
    {Columns::kKey, Columns::kAll},
};

enum class Written {
  kWhole,
  kFull,   // the event does not fit with these columns
  kNever,  // a column of the key cannot be written
};

enum class Keep { kYes, kIfShort, kNo };

void Append(StringInfo out, std::string_view text) {
  appendBinaryStringInfo(out, text.data(), static_cast<int>(text.size()));
}

void Truncate(StringInfo out, int length) {
  out->len = length;
  out->data[length] = '\0';
}

// Writes an event's data, stage by stage.
class DataWriter {
 public:
  DataWriter(WatchedTable* table, const RowChange& change, size_t limit, bool raise)
      : table_(table), change_(change), limit_(limit), raise_(raise) {
    initStringInfo(&data_);
  }

  Written Write(const Stage& stage) {
    resetStringInfo(&data_);
    omitted_row_ = omitted_old_ = nullptr;
    appendStringInfo(&data_, "{\"operation\":\"%s\",\"table\":", change_.operation);
    Append(&data_, table_->name);
    Written written = WriteRow("row", change_.row, stage.row, &omitted_row_);
    if (written == Written::kWhole) {
      written = WriteRow("old", change_.old, stage.old, &omitted_old_);
    }
    if (written != Written::kWhole) return written;
    if (is_incomplete()) WriteOmitted();
    appendStringInfoChar(&data_, '}');
    return IsFull() ? Written::kFull : Written::kWhole;
  }

  std::string_view data() const { return {data_.data, static_cast<size_t>(data_.len)}; }
  bool is_incomplete() const { return omitted_row_ != nullptr || omitted_old_ != nullptr; }

 private:
  bool IsFull() const { return static_cast<size_t>(data_.len) > limit_; }

  bool IsKey(const WatchedColumn& column) { return fsubs::IsKey(table_, change_.relation, column); }

  Keep KeepOf(const WatchedColumn& column, Columns columns) {
    if (columns == Columns::kAll || IsKey(column)) return Keep::kYes;
    if (columns == Columns::kKey) return Keep::kNo;
    if (columns == Columns::kKeyChangedAndShort &&
        !IsSameColumn(change_.row, change_.old, column.index)) {
      return Keep::kYes;
    }
    return Keep::kIfShort;
  }

  Written WriteRow(const char* member, TupleTableSlot* row, Columns columns, StringInfo* omitted) {
    appendStringInfo(&data_, ",\"%s\":", member);
    if (row == nullptr) {
      Append(&data_, kNull);
      return Written::kWhole;
    }
    slot_getallattrs(row);
    appendStringInfoChar(&data_, '{');
    bool is_first = true;
    for (int i = 0; i < table_->column_count; ++i) {
      WatchedColumn* const column = &table_->columns[i];
      const Keep keep = KeepOf(*column, columns);
      const int start = data_.len;
      if (keep != Keep::kNo) {
        if (!is_first) appendStringInfoChar(&data_, ',');
        const Written written = WriteColumn(column, row, keep);
        if (written == Written::kWhole) {
          is_first = false;
          continue;
        }
        if (written == Written::kFull || IsKey(*column)) return written;
        Truncate(&data_, start);
      }
      Omit(member, *column, omitted);
    }
    appendStringInfoChar(&data_, '}');
    return Written::kWhole;
  }

  // Writes the name and the value. kNever: this value cannot be part of the event.
  Written WriteColumn(WatchedColumn* column, const TupleTableSlot* row, Keep keep) {
    Append(&data_, column->name);
    appendStringInfoChar(&data_, ':');
    if (row->tts_isnull[column->index]) {
      Append(&data_, kNull);
      return IsFull() ? Written::kFull : Written::kWhole;
    }
    const Datum value = row->tts_values[column->index];
    const size_t limit = keep == Keep::kIfShort ? kShort : limit_;
    const size_t least = LeastSize(column->writer, value);
    // Values that do not fit beside the others are neither read nor written.
    if (least <= limit && data_.len + least > limit_) return Written::kFull;
    const ValueProblem problem = AppendValue(&column->writer, value, limit, raise_, &data_);
    if (problem != ValueProblem::kNone) {
      if (raise_) RaiseProblem(problem, NameOf(*column));
      return Written::kNever;
    }
    return IsFull() ? Written::kFull : Written::kWhole;
  }

  const char* NameOf(const WatchedColumn& column) const {
    return NameStr(TupleDescAttr(table_->columns_of, column.index)->attname);
  }

  static void Omit(const char* member, const WatchedColumn& column, StringInfo* omitted) {
    if (*omitted == nullptr) {
      *omitted = makeStringInfo();
    } else {
      appendStringInfoChar(*omitted, ',');
    }
    appendStringInfo(*omitted, "\"%s.", member);
    Append(*omitted, column.name.substr(1));
  }

  void WriteOmitted() {
    Append(&data_, ",\"omitted\":[");
    if (omitted_old_ != nullptr) Append(&data_, {omitted_old_->data, Length(omitted_old_)});
    if (omitted_old_ != nullptr && omitted_row_ != nullptr) appendStringInfoChar(&data_, ',');
    if (omitted_row_ != nullptr) Append(&data_, {omitted_row_->data, Length(omitted_row_)});
    appendStringInfoChar(&data_, ']');
  }

  static size_t Length(const StringInfoData* text) { return static_cast<size_t>(text->len); }

  WatchedTable* const table_;
  const RowChange& change_;
  const size_t limit_;
  const bool raise_;  // rather than leave anything out
  StringInfoData data_;
  // Items of the list "omitted"; null: none.
  StringInfo omitted_row_ = nullptr;
  StringInfo omitted_old_ = nullptr;
};

// Returns false if the event fits in no stage.
bool WriteInStages(DataWriter* writer, const RowChange& change, bool raise) {
  const Stage* const stages = change.old == nullptr ? kStagesOfOneRow : kStages;
  const size_t count = change.old == nullptr ? lengthof(kStagesOfOneRow) : lengthof(kStages);
  for (size_t i = 0; i < count; ++i) {
    const Written written = writer->Write(stages[i]);
    if (written == Written::kWhole) return true;
    if (written == Written::kNever) return false;
    if (raise) RaiseTooLarge();
  }
  return false;
}

}  // namespace

bool MakeChangeEvent(WatchedTable* table, const RowChange& change, EventRecord* event) {
  const bool raise = settings::capture_failure() == CaptureFailure::kError;
  if (!table->has_names) {
    if (raise) RaiseNoName(RelationGetRelationName(change.relation));
    return false;
  }
  *event = EventRecord{};
  event->event_type = change.operation;
  event->channel = table->channel;
  DataWriter writer(table, change, LargestData(*event), raise);
  const int pinned = PinSettings(table->reads);
  const bool is_written = WriteInStages(&writer, change, raise);
  UnpinSettings(pinned);
  event->data = writer.data();
  if (writer.is_incomplete()) event->flags = kIncomplete;
  return is_written;
}

}  // namespace fsubs
