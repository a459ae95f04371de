#include "src/capture/publication.hpp"

#include <algorithm>

namespace fsubs {
namespace {

constexpr uint64_t kNone = UINT64_MAX;
constexpr size_t kCatalogChangedSize = AlignRecord(sizeof(RecordHeader));
static_assert(kCatalogChangedSize <= kLossRecordSize, "one buffer is for either");

}  // namespace

void Publication::Prepare(const Queued& queued, uint64_t capacity) {
  *this = Publication();
  queued_ = queued;
  is_sorted_ = !queued.order->is_disturbed();
  const RecordStore& store = *queued.store;
  cursor_.Open(&store);
  uint64_t losses = 0;
  size_t largest_loss = kLossRecordSize;
  for (size_t i = 0; i < queued.losses->size(); ++i) {
    const size_t size = EncodedSizeOfLoss((*queued.losses)[i].channel);
    losses += size;
    largest_loss = std::max(largest_loss, size);
  }
  // For what the file may not give, or comes too late.
  losses += kLossRecordSize;
  if (queued.catalog_changed_at != kNone) losses += kCatalogChangedSize;
  made_record_ = static_cast<char*>(MemoryContextAlloc(TopTransactionContext, largest_loss));
  bytes_ = store.end().at + losses;
  left_ = store.end().count;
  if (!is_sorted_) {
    ChooseSorted(capacity - losses);
  } else if (bytes_ > capacity) {
    ChooseTail(capacity - losses);
  }
  if (is_sorted_) store.Prefetch(next_at_);
}

// The last records that together take at most `room` bytes, in the order in which they are.
void Publication::ChooseTail(uint64_t room) {
  const RecordPlace& end = queued_.store->end();
  const uint64_t from = end.at - room;
  RecordPlace place = queued_.store->PlaceBefore(from);
  while (place.at < from) {
    const char* const record = cursor_.Get(place.at);
    if (record == nullptr) return GiveUp();
    place.at += HeaderOf(record).length;
    ++place.count;
  }
  next_at_ = place.at;
  left_ = end.count - place.count;
  skipped_ = {.records = place.count,
              .bytes = place.at,
              .catalog_changed = queued_.catalog_changed_at < place.at};
}

// The same of the records in their order.
void Publication::ChooseSorted(uint64_t room) {
  if (!CollectItems(room)) return GiveUp();
  KeepTail(room);
  uint64_t kept = 0;
  for (size_t i = 0; i < item_count_; ++i) kept += items_[i].length;
  if (queued_.store->has_file() && !CopyInOrder(kept)) return GiveUp();
  const RecordPlace& end = queued_.store->end();
  left_ = item_count_;
  skipped_.records = end.count - item_count_;
  skipped_.bytes = end.at - kept;
  skipped_.catalog_changed = queued_.catalog_changed_at < end.at &&
                             std::none_of(items_, items_ + item_count_, [this](const Item& item) {
                               return item.at == queued_.catalog_changed_at;
                             });
}

// Returns false if the file cannot be read.
bool Publication::CollectItems(uint64_t room) {
  const RecordPlace& end = queued_.store->end();
  size_t capacity = std::min<uint64_t>(end.count, 1024 * 1024);
  items_ = static_cast<Item*>(
      MemoryContextAllocHuge(TopTransactionContext, mul_size(capacity, sizeof(Item))));
  uint64_t collected = 0;
  for (uint64_t at = 0; at < end.at;) {
    CHECK_FOR_INTERRUPTS();
    const char* const record = cursor_.Get(at);
    if (record == nullptr) return false;
    const RecordHeader header = HeaderOf(record);
    if (item_count_ == capacity) {
      capacity *= 2;
      items_ = static_cast<Item*>(repalloc_huge(items_, mul_size(capacity, sizeof(Item))));
    }
    const uint64_t anchor = AnchorOf(header);
    items_[item_count_++] = {queued_.order->PlaceOf(anchor, at), anchor, at, header.length};
    collected += header.length;
    at += header.length;
    // What is not among the last ones now never will be.
    if (collected < 2 * room) continue;
    KeepTail(room);
    collected = 0;
    for (size_t i = 0; i < item_count_; ++i) collected += items_[i].length;
  }
  return true;
}

// Sort the items and drop all but the last ones, which together take at most `room` bytes.
void Publication::KeepTail(uint64_t room) {
  std::sort(items_, items_ + item_count_, [](const Item& a, const Item& b) {
    if (a.place != b.place) return a.place < b.place;
    // Of a statement and one that runs within it, the outer one draws its anchor later. What goes
    // in front of an anchor has a higher one.
    return a.anchor != b.anchor ? a.anchor > b.anchor : a.at < b.at;
  });
  size_t first = item_count_;
  uint64_t kept = 0;
  while (first > 0 && kept + items_[first - 1].length <= room) kept += items_[--first].length;
  memmove(items_, items_ + first, (item_count_ - first) * sizeof(Item));
  item_count_ -= first;
}

// To look for one record after the other in the file would take long while the ring's lock is held.
// Returns false if the file cannot be read.
bool Publication::CopyInOrder(uint64_t bytes) {
  copy_ = static_cast<char*>(MemoryContextAllocHuge(TopTransactionContext, bytes));
  char* out = copy_;
  for (size_t i = 0; i < item_count_; ++i) {
    CHECK_FOR_INTERRUPTS();
    const char* const record = cursor_.Get(items_[i].at);
    if (record == nullptr || HeaderOf(record).length != items_[i].length) return false;
    memcpy(out, record, items_[i].length);
    out += items_[i].length;
  }
  return true;
}

// The file cannot be read: nothing goes to the ring but what tells that.
void Publication::GiveUp() {
  skipped_ = {};
  left_ = queued_.store->end().count;
  StopReading();
}

void Publication::StopReading() {
  next_at_ = queued_.store->end().at;
  next_item_ = item_count_;
}

const char* Publication::Next() {
  const char* const record = NextRecord();
  const bool has_loss = next_loss_ < queued_.losses->size();
  if (record == nullptr) {
    StopReading();
    if (has_loss) return EncodeNextLoss();
    if (left_ == 0) return nullptr;
    // It may be among what is missing.
    if (std::exchange(queued_.catalog_changed_at, kNone) != kNone) return EncodeCatalogChanged();
    EncodeLoss({}, std::exchange(left_, 0), made_record_);
    return made_record_;
  }
  const RecordHeader header = HeaderOf(record);
  if (has_loss && (*queued_.losses)[next_loss_].anchor <= PlaceOfNext(header))
    return EncodeNextLoss();
  next_at_ += header.length;
  ++next_item_;
  --left_;
  return record;
}

// Null after the last one, or if it cannot be read.
const char* Publication::NextRecord() {
  if (is_sorted_) {
    return next_at_ < queued_.store->end().at ? cursor_.Get(next_at_) : nullptr;
  }
  if (next_item_ == item_count_) return nullptr;
  return copy_ != nullptr ? copy_ + next_at_ : cursor_.Get(items_[next_item_].at);
}

uint64_t Publication::PlaceOfNext(const RecordHeader& header) const {
  return is_sorted_ ? AnchorOf(header) : items_[next_item_].place;
}

const char* Publication::EncodeNextLoss() {
  const LossTable::Loss& loss = (*queued_.losses)[next_loss_++];
  EncodeLoss(loss.channel, loss.count, made_record_);
  return made_record_;
}

const char* Publication::EncodeCatalogChanged() {
  EventRecord record;
  record.kind = RecordKind::kCatalogChanged;
  Encode(record, made_record_);
  return made_record_;
}

}  // namespace fsubs
