#include "worker/mapped_ring.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "contract/ring_reader.hpp"

namespace fsubs {
namespace {

void* MapFile(int fd, size_t bytes, int protection, std::string* error) {
  void* const memory = mmap(nullptr, bytes, protection, MAP_SHARED, fd, 0);
  if (memory != MAP_FAILED) return memory;
  *error = std::string("cannot map: ") + std::strerror(errno);
  return nullptr;
}

}  // namespace

std::unique_ptr<MappedRing> MappedRing::Map(int ring_fd, int reader_page_fd,
                                            std::vector<int> wake_fds, std::string* error) {
  struct stat status {};
  if (fstat(ring_fd, &status) != 0) {
    *error = std::string("cannot use the passed descriptor: ") + std::strerror(errno);
    return nullptr;
  }
  std::unique_ptr<MappedRing> mapped(new MappedRing);
  mapped->wake_fds_ = std::move(wake_fds);
  mapped->ring_bytes_ = static_cast<size_t>(status.st_size);
  mapped->ring_ =
      static_cast<const RingHeader*>(MapFile(ring_fd, mapped->ring_bytes_, PROT_READ, error));
  if (mapped->ring_ == nullptr) return nullptr;
  *error = CheckRing(mapped->ring_, mapped->ring_bytes_);
  if (!error->empty()) return nullptr;
  mapped->page_ = static_cast<ReaderPage*>(
      MapFile(reader_page_fd, sizeof(ReaderPage), PROT_READ | PROT_WRITE, error));
  return mapped->page_ == nullptr ? nullptr : std::move(mapped);
}

MappedRing::~MappedRing() {
  if (ring_ != nullptr) munmap(const_cast<RingHeader*>(ring_), ring_bytes_);
  if (page_ != nullptr) munmap(page_, sizeof(ReaderPage));
}

}  // namespace fsubs
