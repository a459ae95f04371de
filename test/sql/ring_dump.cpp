// Prints the records of a running server's event ring as CSV, from a position on: the SQL tests see
// with it what the worker would see. COPY … FROM PROGRAM runs it in the server's data directory.
//
//   ring_dump <position>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "contract/ring_reader.hpp"

namespace {

[[noreturn]] void Fail(const std::string& what) {
  std::cerr << "ring_dump: " << what << '\n';
  std::exit(1);
}

const fsubs::RingHeader* MapRing() {
  std::ifstream pid_file("postmaster.pid");
  std::string pid;
  if (!(pid_file >> pid)) Fail("not in the data directory of a running server");
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + pid + "/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (gone || !target.starts_with("/memfd:fraiseql_subs ring")) continue;
    const int fd = open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    struct stat file;
    if (fd < 0 || fstat(fd, &file) != 0) Fail("cannot open the ring");
    const auto bytes = static_cast<size_t>(file.st_size);
    const void* const memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) Fail("cannot map the ring");
    const auto* const ring = static_cast<const fsubs::RingHeader*>(memory);
    const std::string problem = fsubs::CheckRing(ring, bytes);
    if (!problem.empty()) Fail(problem);
    return ring;
  }
  Fail("the server has no ring");
}

const char* KindName(fsubs::RecordKind kind) {
  switch (kind) {
    case fsubs::RecordKind::kEvent:
      return "event";
    case fsubs::RecordKind::kCatalogChanged:
      return "catalog changed";
    case fsubs::RecordKind::kEventsLost:
      return "events lost";
  }
  return "?";
}

void PrintText(std::string_view text) {
  std::cout << '"';
  for (const char c : text) {
    if (c == '"') std::cout << '"';
    std::cout << c;
  }
  std::cout << "\",";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) Fail("usage: ring_dump <position>");
  const fsubs::RingHeader* const ring = MapRing();
  fsubs::RingReader reader(ring);
  const fsubs::Position from =
      std::max<fsubs::Position>(std::strtoull(argv[1], nullptr, 10), ring->tail.load());
  if (!reader.Seek(from)) Fail("no record starts there");
  fsubs::EventRecord record;
  uint64_t lost = 0;
  while (reader.Next(&record, &lost) == fsubs::RingReader::Result::kRecord) {
    if (lost != 0) Fail("records were overwritten while they were read");
    std::cout << record.sequence << ',' << reader.cursor() << ',' << KindName(record.kind) << ',';
    PrintText(record.event_type);
    PrintText(record.channel);
    PrintText(record.correlation_id);
    PrintText(record.subgraph);
    PrintText(record.data);
    std::cout << record.commit_time_us << ',' << record.commit_lsn << ',' << record.xid << '\n';
  }
}
