#include "src/capture/record_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "src/base/guc.hpp"

namespace fsubs {
namespace {

constexpr size_t kFirstCapacity = 1024;
constexpr uint64_t kMarkInterval = 1024 * 1024;  // bytes
constexpr size_t kReadSize = 256 * 1024;
constexpr size_t kReadOfOne = 8 * 1024;

static_assert(std::is_trivially_destructible_v<RecordStore>);

// Null if the system has no memory.
void* TryAllocate(size_t bytes) {
  return MemoryContextAllocExtended(TopTransactionContext, bytes,
                                    MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
}

// Returns the file, or 0 with errno set. PostgreSQL raises an error if it can make none; there is
// nothing to clean up after that.
File TryMakeFile() {
  const MemoryContext context = CurrentMemoryContext;
  volatile File file = 0;
  volatile int error = 0;
  PG_TRY();
  {
    constexpr bool kOutlivesStatement = true;
    file = OpenTemporaryFile(kOutlivesStatement);
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    ErrorData* const raised = CopyErrorData();
    error = raised->saved_errno != 0 ? raised->saved_errno : EIO;
    FreeErrorData(raised);
    FlushErrorState();
  }
  PG_END_TRY();
  errno = error;
  return file;
}

// The descriptor, which PostgreSQL may have closed in favour of others; -1 with errno set if it
// cannot be opened again.
int OpenDescriptor(File file) {
  return FileSize(file) < 0 ? -1 : FileGetRawDesc(file);
}

bool WriteAll(int fd, const char* bytes, size_t size, uint64_t at) {
  pgstat_report_wait_start(WAIT_EVENT_BUFFILE_WRITE);
  while (size > 0) {
    const ssize_t written = pwrite(fd, bytes, size, static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      if (written == 0) errno = ENOSPC;
      break;
    }
    bytes += written;
    at += static_cast<uint64_t>(written);
    size -= static_cast<size_t>(written);
  }
  pgstat_report_wait_end();
  return size == 0;
}

bool ReadAll(int fd, char* bytes, size_t size, uint64_t at) {
  pgstat_report_wait_start(WAIT_EVENT_BUFFILE_READ);
  while (size > 0) {
    const ssize_t read = pread(fd, bytes, size, static_cast<off_t>(at));
    if (read < 0 && errno == EINTR) continue;
    if (read <= 0) break;
    bytes += read;
    at += static_cast<uint64_t>(read);
    size -= static_cast<size_t>(read);
  }
  pgstat_report_wait_end();
  return size == 0;
}

}  // namespace

uint64_t MaxTransactionSize() {
  return uint64_t{1024} * settings::max_transaction_size_kb;
}

RecordStore::Result RecordStore::Add(size_t length, char** record) {
  if (end_.at + length > MaxTransactionSize()) return Result::kFull;
  const Result result = EnsureMemory(length);
  if (result != Result::kStored) return result;
  Mark();
  *record = memory_ + (end_.at - in_file_);
  end_.at += length;
  ++end_.count;
  largest_record_ = std::max(largest_record_, length);
  return Result::kStored;
}

RecordStore::Result RecordStore::EnsureMemory(size_t length) {
  const size_t limit = size_t{1024} * settings::transaction_memory_kb;
  size_t needed = end_.at - in_file_ + length;
  if (needed > limit && end_.at > in_file_) {
    if (!Spill()) return Result::kFileFailed;
    needed = length;
  }
  if (needed <= capacity_) return Result::kStored;
  // By doubling; the memory behind it is untouched until it is needed.
  size_t capacity = std::max(capacity_ * 2, kFirstCapacity);
  while (capacity < needed) capacity *= 2;
  return Grow(std::max(std::min(capacity, limit), needed)) ? Result::kStored : Result::kNoMemory;
}

bool RecordStore::Grow(size_t capacity) {
  char* const memory = static_cast<char*>(TryAllocate(capacity));
  if (memory == nullptr) return false;
  if (memory_ != nullptr) {
    memcpy(memory, memory_, end_.at - in_file_);
    pfree(memory_);
  }
  memory_ = memory;
  capacity_ = capacity;
  return true;
}

// Move what is in memory to the file.
bool RecordStore::Spill() {
  // A disk that is full is not tried again by each event that follows.
  if (file_error_ != 0) return false;
  if (file_ == 0) file_ = TryMakeFile();
  const int fd = file_ == 0 ? -1 : OpenDescriptor(file_);
  if (fd < 0 || !WriteAll(fd, memory_, end_.at - in_file_, in_file_)) {
    file_error_ = errno;
    return false;
  }
  in_file_ = end_.at;
  return true;
}

// Without memory for it, looking for a place takes longer.
void RecordStore::Mark() {
  const uint64_t last = mark_count_ == 0 ? 0 : marks_[mark_count_ - 1].at;
  if (end_.at - last < kMarkInterval) return;
  if (mark_count_ == mark_capacity_) {
    const size_t capacity = std::max<size_t>(mark_capacity_ * 2, 64);
    auto* const marks = static_cast<RecordPlace*>(TryAllocate(capacity * sizeof(RecordPlace)));
    if (marks == nullptr) return;
    if (marks_ != nullptr) {
      memcpy(marks, marks_, mark_count_ * sizeof(RecordPlace));
      pfree(marks_);
    }
    marks_ = marks;
    mark_capacity_ = capacity;
  }
  marks_[mark_count_++] = end_;
}

void RecordStore::Truncate(const RecordPlace& place) {
  end_ = place;
  in_file_ = std::min(in_file_, place.at);
  while (mark_count_ > 0 && marks_[mark_count_ - 1].at > place.at) --mark_count_;
}

void RecordStore::Close() {
  if (file_ == 0) return;
  FileClose(file_);
  file_ = 0;
}

RecordPlace RecordStore::PlaceBefore(uint64_t at) const {
  const RecordPlace* const behind =
      std::upper_bound(marks_, marks_ + mark_count_, at,
                       [](uint64_t wanted, const RecordPlace& mark) { return wanted < mark.at; });
  return behind == marks_ ? RecordPlace{} : behind[-1];
}

void RecordStore::Prefetch(uint64_t at) const {
  if (at >= in_file_) return;
  const int fd = OpenDescriptor(file_);
  if (fd < 0) return;
  posix_fadvise(fd, static_cast<off_t>(at), static_cast<off_t>(in_file_ - at), POSIX_FADV_WILLNEED);
}

void RecordCursor::Open(const RecordStore* store) {
  *this = RecordCursor();
  store_ = store;
  if (!store->has_file()) return;
  buffer_size_ = std::max(kReadSize, store->largest_record());
  buffer_ = static_cast<char*>(MemoryContextAllocHuge(TopTransactionContext, buffer_size_));
}

const char* RecordCursor::Get(uint64_t at) {
  if (at >= store_->in_file_) return store_->memory_ + (at - store_->in_file_);
  return GetFromFile(at);
}

const char* RecordCursor::GetFromFile(uint64_t at) {
  if (at >= from_ && at + sizeof(RecordHeader) <= from_ + filled_) {
    const char* const record = buffer_ + (at - from_);
    if (at + HeaderOf(record).length <= from_ + filled_) return record;
  }
  // One record after the other is read in large pieces.
  const bool goes_on = at >= from_ && at <= from_ + filled_;
  if (!Fill(at, goes_on ? buffer_size_ : kReadOfOne)) return nullptr;
  // What stands there was written by this backend, but a file can be damaged.
  if (filled_ < sizeof(RecordHeader)) return nullptr;
  const uint32_t length = HeaderOf(buffer_).length;
  if (length < sizeof(RecordHeader) || length % 8 != 0 || length > buffer_size_) return nullptr;
  if (length > filled_ && !Fill(at, length)) return nullptr;
  return length <= filled_ ? buffer_ : nullptr;
}

bool RecordCursor::Fill(uint64_t at, size_t most) {
  const int fd = OpenDescriptor(store_->file_);
  from_ = at;
  filled_ = std::min<uint64_t>(most, store_->in_file_ - at);
  if (fd >= 0 && ReadAll(fd, buffer_, filled_, at)) return true;
  filled_ = 0;
  return false;
}

}  // namespace fsubs
