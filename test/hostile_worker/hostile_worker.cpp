// Stands in for the worker, installed under its name, and does with what it inherited whatever the
// kernel lets it do. The file `hostile` in the data directory, where the server starts it, names
// the role to play; `hostile.report` is what it has to say.
//
// Every role ignores the signals that it can ignore, so the server has to get rid of it.
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "contract/ring_layout.hpp"

namespace {

using fsubs::ReaderPage;
using fsubs::ShardSlot;

constexpr size_t kPage = 4096;

struct Inheritance {
  int ring = -1;
  int reader_page = -1;
  int settings = -1;
  std::vector<int> wakes;
};

Inheritance ReadArguments(int argc, char** argv) {
  Inheritance inherited;
  for (int i = 1; i + 1 < argc; ++i) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--ring-fd") inherited.ring = std::stoi(value);
    if (name == "--reader-page-fd") inherited.reader_page = std::stoi(value);
    if (name == "--config") inherited.settings = std::stoi(value.substr(value.rfind('/') + 1));
    if (name != "--wake-fds") continue;
    std::istringstream list(value);
    for (std::string fd; std::getline(list, fd, ',');) inherited.wakes.push_back(std::stoi(fd));
  }
  return inherited;
}

std::string Error() {
  return strerrorname_np(errno);
}

std::string Outcome(bool done) {
  return done ? "done" : Error();
}

// Written whole, so that whoever finds it finds all of it.
void Report(const std::string& text) {
  std::ofstream("hostile.report.new") << text;
  std::rename("hostile.report.new", "hostile.report");
}

[[noreturn]] void Stay() {
  for (;;) pause();
}

int Reopen(int fd, int flags) {
  return open(("/proc/self/fd/" + std::to_string(fd)).c_str(), flags);
}

size_t SizeOf(int fd) {
  struct stat file {};
  fstat(fd, &file);
  return static_cast<size_t>(file.st_size);
}

ReaderPage* MapReaderPage(const Inheritance& inherited) {
  void* const memory = mmap(nullptr, sizeof(ReaderPage), PROT_READ | PROT_WRITE, MAP_SHARED,
                            inherited.reader_page, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<ReaderPage*>(memory);
}

// "changes": each of these once, with what came of it.

class Changes {
 public:
  void OfMemory(const std::string& name, int fd) {
    const size_t size = SizeOf(fd);
    Add(name + " shrink", ftruncate(fd, 0) == 0);
    Add(name + " grow", ftruncate(fd, static_cast<off_t>(size + kPage)) == 0);
    Add(name + " write", pwrite(fd, "x", 1, 0) == 1);
    Add(name + " punch", Punch(fd, size));
    Add(name + " map for writing", MapForWriting(fd));
    Add(name + " make a mapping writable", MakeWritable(fd));
    const int again = Reopen(fd, O_RDWR);
    Add(name + " reopen and write", pwrite(again, "x", 1, 0) == 1);
    Add(name + " reopen and shrink", ftruncate(again, 0) == 0);
    Add(name + " truncate by opening", Reopen(fd, O_RDWR | O_TRUNC) >= 0);
    Add(name + " seal against writing", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0);
    Add(name + " seal against later writing", fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0);
    // Allowed, and to no effect.
    fcntl(fd, F_SETLEASE, F_WRLCK);
    flock(fd, LOCK_EX | LOCK_NB);
    fchmod(fd, 0);
    fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK);
    lseek(fd, 1, SEEK_SET);
  }

  void OfWake(const std::string& name, int fd) {
    const uint64_t nearly_full = UINT64_MAX - 1;
    Add(name + " write", write(fd, &nearly_full, sizeof(nearly_full)) > 0);
    Add(name + " shut down", shutdown(fd, SHUT_RDWR) == 0);
    Add(name + " filter", SetFilter(fd));
    Add(name + " connect elsewhere", Disconnect(fd));
    // Allowed, and to no effect.
    fcntl(fd, F_SETFL, 0);
    fchmod(fd, 0);
    sigevent signal{};
    signal.sigev_notify = SIGEV_SIGNAL;
    signal.sigev_signo = SIGUSR1;
    mq_notify(fd, &signal);
    const int again = Reopen(fd, O_WRONLY | O_NONBLOCK);
    while (mq_send(again, "x", 1, 1) == 0) continue;
  }

  const std::string& text() const { return text_; }

 private:
  void Add(const std::string& what, bool done) { text_ += what + ": " + Outcome(done) + "\n"; }

  static bool Punch(int fd, size_t size) {
    constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    return fallocate(fd, kPunch, 0, static_cast<off_t>(size)) == 0;
  }

  static bool MapForWriting(int fd) {
    return mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED;
  }

  static bool MakeWritable(int fd) {
    void* const memory = mmap(nullptr, kPage, PROT_READ, MAP_SHARED, fd, 0);
    return memory != MAP_FAILED && mprotect(memory, kPage, PROT_READ | PROT_WRITE) == 0;
  }

  static bool SetFilter(int fd) {
    const int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)) == 0;
  }

  static bool Disconnect(int fd) {
    sockaddr none{};
    none.sa_family = AF_UNSPEC;
    return connect(fd, &none, sizeof(none)) == 0;
  }

  std::string text_;
};

void PlayChanges(const Inheritance& inherited) {
  Changes changes;
  changes.OfMemory("ring", inherited.ring);
  changes.OfMemory("reader page", inherited.reader_page);
  changes.OfMemory("settings", inherited.settings);
  for (const int fd : inherited.wakes) changes.OfWake("wake", fd);
  Report(changes.text());
}

// "reader page": its words change at full speed, and say what no honest worker would.
void PlayReaderPage(const Inheritance& inherited) {
  ReaderPage* const page = MapReaderPage(inherited);
  Report("");
  std::mt19937_64 random(1);
  for (;;) {
    for (ShardSlot& slot : page->shards) {
      const uint64_t number = random();
      const uint64_t cursors[] = {0, number, number % 1000000, UINT64_MAX, UINT64_MAX - 7};
      slot.cursor.store(cursors[number % std::size(cursors)], std::memory_order_relaxed);
      slot.attached.store(static_cast<uint32_t>(number >> 32) % 3, std::memory_order_relaxed);
      slot.sleeping.store(1 + static_cast<uint32_t>(number >> 40), std::memory_order_relaxed);
    }
    for (std::atomic<uint64_t>& beat : page->heartbeats.shards) {
      beat.store(random(), std::memory_order_relaxed);
    }
    page->heartbeats.control.store(random(), std::memory_order_relaxed);
  }
}

// "stuck": its heartbeats are those of a worker that runs, and then stand still.
void PlayStuck(const Inheritance& inherited) {
  ReaderPage* const page = MapReaderPage(inherited);
  for (std::atomic<uint64_t>& beat : page->heartbeats.shards) beat.store(UINT64_MAX);
  page->heartbeats.control.store(1);
  Report("");
}

// "holes": the reader page's memory is taken away again and again, while it says "wake me".
void PlayHoles(const Inheritance& inherited) {
  ReaderPage* const page = MapReaderPage(inherited);
  Report("");
  for (;;) {
    for (ShardSlot& slot : page->shards) slot.sleeping.store(1, std::memory_order_relaxed);
    madvise(page, sizeof(ReaderPage), MADV_REMOVE);
    fallocate(inherited.reader_page, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kPage);
  }
}

// "wake": the queues are always full, and every shard always asks to be woken.
void PlayWake(const Inheritance& inherited) {
  ReaderPage* const page = MapReaderPage(inherited);
  const uint64_t nearly_full = UINT64_MAX - 1;
  for (const int fd : inherited.wakes) {
    fcntl(fd, F_SETFL, 0);
    [[maybe_unused]] const ssize_t written = write(fd, &nearly_full, sizeof(nearly_full));
    const int again = Reopen(fd, O_WRONLY | O_NONBLOCK);
    while (mq_send(again, "x", 1, 1) == 0) continue;
  }
  Report("");
  for (;;) {
    for (ShardSlot& slot : page->shards) slot.sleeping.store(1, std::memory_order_relaxed);
  }
}

// "log": lines without end, NULs, control characters, and lines longer than any buffer.
void PlayLog() {
  const std::string long_line = "WARNING\t" + std::string(1 << 20, 'x') + "\n";
  std::string text("LOG\t\0\x01\x1b[31m\xff\xc3\n\0\0\n", 15);
  for (int i = 0; i < 2000; ++i) text += "ERROR\tnoise\n\n";
  text += long_line;
  Report("");
  for (;;) {
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
  }
}

// "side door": whoever connects gets what is no message, or not all of one, or one too many.

std::string Frame(const std::string& body, uint32_t announced) {
  return std::string(reinterpret_cast<const char*>(&announced), sizeof(announced)) + body;
}

std::string Frame(const std::string& body) {
  return Frame(body, static_cast<uint32_t>(body.size()));
}

std::vector<std::string> Answers() {
  std::string numbers = R"({"op":"metrics","rows":[1)";
  for (int i = 0; i < 1000000; ++i) numbers += ",1";
  return {
      Frame("", UINT32_MAX),
      Frame("{", 64u << 20),
      Frame("{"),
      Frame("[]"),
      Frame("{}"),
      Frame("\xff\xfe"),
      Frame(std::string(3, '\0')),
      Frame(std::string(1 << 20, '[')),
      Frame(R"({"op":"metrics","rows":[{"name":1,"labels":[],"value":"x"},7]})"),
      Frame(R"({"op":"metrics","error":"\u0000\ud800"})"),
      Frame(numbers + "]}"),
      Frame(R"({"op":"snapshot","request":1})") + Frame(R"({"op":"snapshot","request":1})") +
          Frame(R"({"op":"no"})"),
      Frame(R"({"op":"snapshot"})"),
      Frame(R"({"op":"snapshot","request":1e99})"),
      "\x01",
      "",
  };
}

void Converse(int peer, const std::string& answer, bool is_last) {
  [[maybe_unused]] const ssize_t sent = send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
  if (is_last) shutdown(peer, SHUT_WR);
  char bytes[65536];
  while (recv(peer, bytes, sizeof(bytes), 0) > 0) continue;
  close(peer);
}

int ListenAtSideDoor() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "pg_stat_tmp/fraiseql_subs.sock");
  unlink(address.sun_path);
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener, 64) != 0) {
    Stay();
  }
  return listener;
}

void PlaySideDoor() {
  const int listener = ListenAtSideDoor();
  const std::vector<std::string> answers = Answers();
  Report("");
  for (size_t i = 0;; ++i) {
    const int peer = accept(listener, nullptr, nullptr);
    if (peer < 0) continue;
    std::thread(Converse, peer, answers[i % answers.size()], /*is_last=*/false).detach();
  }
}

// "calls": those who resolve get calls that are none, each of them one after the other. When a
// process that calls functions has got all, "hostile.through" is there.

std::string CallWith(const std::string& members) {
  return Frame(R"({"op":"resolver","request":7,)" + members + "}");
}

std::vector<std::string> Calls() {
  const std::string known = R"("field":"orders","plan":"p")";
  const std::string event = R"("event":"{}","variables":"{}")";
  const std::string whole = known + R"(,"timeout_ms":1000,)" + event;
  const std::string nested(20000, '[');
  std::string many;
  for (int i = 0; i < 1000; ++i) many += CallWith(whole);
  return {
      CallWith(whole),
      CallWith(whole + R"(,"claims":7)"),
      CallWith(whole + R"(,"claims":"{")"),
      CallWith(whole + R"(,"claims":"no","role":{})"),
      CallWith(whole + R"(,"field":"nothing")"),
      CallWith(whole + R"(,"field":"outside")"),
      CallWith(whole + R"(,"field":"'; DROP TABLE done; --")"),
      CallWith(whole + R"(,"field":")" + std::string(1 << 20, 'x') + "\""),
      CallWith(whole + R"(,"field":"\u0000")"),
      CallWith(whole + ",\"field\":\"\xff\""),
      CallWith(whole + R"(,"field":["orders"])"),
      CallWith(R"("timeout_ms":1000)"),
      CallWith(known + R"(,"timeout_ms":1000)"),
      CallWith(known + R"(,"timeout_ms":1000,"event":{},"variables":{})"),
      CallWith(known + R"(,"timeout_ms":1000,"event":"{","variables":"")"),
      CallWith(known + R"(,"timeout_ms":1000,"event":"\"\\u0000\"","variables":"[]")"),
      CallWith(known + R"(,"timeout_ms":1000,"variables":"{}","event":")" + nested + "\""),
      CallWith(known + R"(,"timeout_ms":"soon",)" + event),
      CallWith(known + R"(,"timeout_ms":1e99,)" + event),
      CallWith(known + R"(,"timeout_ms":-1,)" + event),
      CallWith(known + "," + event),
      CallWith(whole + R"(,"request":"7")"),
      CallWith(whole + R"(,"request":1e99)"),
      CallWith(whole + R"(,"request":-0.5)"),
      CallWith(whole + R"(,"op":"authenticate")"),
      CallWith(whole + R"(,"op":"snapshot")"),
      Frame("[" + CallWith(whole).substr(sizeof(uint32_t)) + "]"),
      Frame(R"([{"call":1},7,null,"x",[],{"call":"1","event":[],"field":{}}])"),
      Frame(R"({"call":1,"field":"orders","event":{}})"),
      Frame("[1"),
      Frame("\"\xed\xa0\x80\""),
      Frame(std::string("[]\0[]", 5)),
      Frame(nested),
      many,
      Frame("[]", 1u << 20),
      Frame("", UINT32_MAX),
  };
}

// What the peer says that it is; empty: nothing.
std::string OpOf(int peer) {
  char bytes[4096];
  const ssize_t size = recv(peer, bytes, sizeof(bytes), 0);
  const std::string text(bytes, size > 0 ? static_cast<size_t>(size) : 0);
  const std::string name = R"("op":")";
  const size_t at = text.find(name);
  if (at == std::string::npos) return "";
  const size_t from = at + name.size();
  return text.substr(from, text.find('"', from) - from);
}

void PlayCalls() {
  const int listener = ListenAtSideDoor();
  const std::vector<std::string> calls = Calls();
  std::map<std::string, size_t> given;  // by what the peers are
  Report(std::to_string(calls.size()));
  for (;;) {
    const int peer = accept(listener, nullptr, nullptr);
    if (peer < 0) continue;
    const std::string op = OpOf(peer);
    const size_t number = given[op]++;
    if (op == "resolver" && number == calls.size()) std::ofstream("hostile.through").flush();
    // Those that were answered are done, and want the next.
    std::thread(Converse, peer, calls[number % calls.size()], /*is_last=*/true).detach();
  }
}

// "traced": a process that is traced by another stays a zombie when it is killed, whatever its
// parent does.
void PlayTraced() {
  const pid_t self = getpid();
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  int attached[2];
  if (pipe(attached) != 0) Stay();
  const pid_t tracer = fork();
  if (tracer == 0) {
    setsid();
    std::string outcome = Outcome(ptrace(PTRACE_SEIZE, self, nullptr, nullptr) == 0);
    outcome += " " + std::to_string(getpid());
    if (write(attached[1], outcome.data(), outcome.size()) < 0) Stay();
    Stay();
  }
  char outcome[32] = {};
  if (read(attached[0], outcome, sizeof(outcome) - 1) < 0) Stay();
  Report(outcome);
}

// "honest": sleeps as a worker does, and says when it was woken.
void PlayHonest(const Inheritance& inherited) {
  ReaderPage* const page = MapReaderPage(inherited);
  if (page == nullptr) Stay();
  std::vector<pollfd> waiting;
  for (const int fd : inherited.wakes) {
    fcntl(fd, F_SETFL, O_NONBLOCK);
    char message;
    while (mq_receive(fd, &message, sizeof(message), nullptr) >= 0) continue;
    waiting.push_back({fd, POLLIN, 0});
    page->shards[waiting.size() - 1].sleeping.store(1);
  }
  for (pollfd& one : waiting) poll(&one, 1, -1);
  Report("woken");
}

void Play(const std::string& role, const Inheritance& inherited) {
  if (role == "changes") PlayChanges(inherited);
  if (role == "reader page") PlayReaderPage(inherited);
  if (role == "stuck") PlayStuck(inherited);
  if (role == "holes") PlayHoles(inherited);
  if (role == "wake") PlayWake(inherited);
  if (role == "log") PlayLog();
  if (role == "side door") PlaySideDoor();
  if (role == "calls") PlayCalls();
  if (role == "traced") PlayTraced();
  if (role == "honest") PlayHonest(inherited);
}

}  // namespace

int main(int argc, char** argv) {
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_IGN);
  std::string role;
  std::getline(std::ifstream("hostile"), role);
  Play(role, ReadArguments(argc, argv));
  Stay();
}
