// Every attempt is made in a process of its own, which the sandbox is to stop.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <fstream>
#include <functional>
#include <thread>

#include "worker/sandbox/file_access.hpp"
#include "worker/sandbox/system_calls.hpp"

namespace fsubs {
namespace {

using testing::ExitedWithCode;
using testing::KilledBySignal;

constexpr int kDone = 7;
constexpr int kNotSandboxed = 8;

// Ends with kDone if the attempt returns true.
[[noreturn]] void Try(Calls calls, const std::function<bool()>& attempt) {
  if (!RestrictSystemCalls(calls).empty()) _exit(kNotSandboxed);
  _exit(attempt() ? kDone : 0);
}

#define EXPECT_KILLED(calls, ...) \
  EXPECT_EXIT(Try(calls, [] { return __VA_ARGS__; }), KilledBySignal(SIGSYS), "")
#define EXPECT_DONE(calls, ...) \
  EXPECT_EXIT(Try(calls, [] { return __VA_ARGS__; }), ExitedWithCode(kDone), "")
#define EXPECT_FAILS(calls, ...) \
  EXPECT_EXIT(Try(calls, [] { return __VA_ARGS__; }), ExitedWithCode(0), "")

bool Exec() {
  char* const arguments[] = {const_cast<char*>("/bin/true"), nullptr};
  return execv(arguments[0], arguments) == 0;
}

bool Open(const char* path, int flags) {
  const int fd = open(path, flags, 0600);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

bool ConnectUnix(int fd) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  return connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

bool MapCode() {
  return mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
         MAP_FAILED;
}

bool RunThread() {
  bool ran = false;
  std::thread([&] { ran = true; }).join();
  return ran;
}

TEST(SystemCalls, NoProgramIsRun) {
  EXPECT_KILLED(Calls::kServe, Exec());
  EXPECT_KILLED(Calls::kFetch, Exec());
}

TEST(SystemCalls, NoProcessIsMade) {
  EXPECT_KILLED(Calls::kServe, fork() >= 0);
  EXPECT_KILLED(Calls::kFetch, fork() >= 0);
}

TEST(SystemCalls, ThreadsAre) {
  EXPECT_DONE(Calls::kServe, RunThread());
  EXPECT_DONE(Calls::kFetch, RunThread());
}

TEST(SystemCalls, NoFileIsWritten) {
  for (const Calls calls : {Calls::kServe, Calls::kFetch}) {
    for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC}) {
      EXPECT_EXIT(Try(calls, [=] { return Open("/tmp/never-there/file", flags); }),
                  KilledBySignal(SIGSYS), "")
          << flags;
    }
  }
  EXPECT_KILLED(Calls::kServe, unlink("/tmp/never-there/file") == 0);
  EXPECT_KILLED(Calls::kServe, rename("/tmp/never-there/a", "/tmp/never-there/b") == 0);
}

TEST(SystemCalls, FilesAreReadAsFarAsTheyMayBeSeen) {
  EXPECT_DONE(Calls::kServe, Open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

TEST(SystemCalls, NoOtherProcessIsTracedSignalledOrReadFrom) {
  EXPECT_KILLED(Calls::kServe, ptrace(PTRACE_ATTACH, getppid(), nullptr, nullptr) == 0);
  EXPECT_KILLED(Calls::kServe, kill(getppid(), 0) == 0);
  EXPECT_FAILS(Calls::kServe, tgkill(getppid(), getppid(), 0) == 0);
}

TEST(SystemCalls, WhoServesConnectsNowhere) {
  EXPECT_KILLED(Calls::kServe, ConnectUnix(STDIN_FILENO));
  EXPECT_FAILS(Calls::kServe, socket(AF_INET, SOCK_STREAM, 0) >= 0);
  EXPECT_FAILS(Calls::kServe, socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
}

TEST(SystemCalls, WhoFetchesConnectsByIpAlone) {
  EXPECT_DONE(Calls::kFetch, socket(AF_INET, SOCK_STREAM, 0) >= 0);
  EXPECT_DONE(Calls::kFetch, socket(AF_INET6, SOCK_STREAM, 0) >= 0);
  EXPECT_FAILS(Calls::kFetch, socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
}

TEST(SystemCalls, WhoServesConnectsNowhereBySendingEither) {
  EXPECT_KILLED(Calls::kServe, sendto(STDIN_FILENO, "x", 1, MSG_FASTOPEN, nullptr, 0) == 1);
  EXPECT_KILLED(Calls::kServe, [] {
    msghdr message{};
    return sendmsg(STDIN_FILENO, &message, MSG_FASTOPEN) == 0;
  }());
}

TEST(SystemCalls, NoProcessIsSignalledByWayOfADescriptor) {
  EXPECT_KILLED(Calls::kServe, fcntl(STDIN_FILENO, F_SETOWN, getppid()) == 0);
  EXPECT_KILLED(Calls::kServe, fcntl(STDIN_FILENO, F_SETSIG, SIGKILL) == 0);
  EXPECT_DONE(Calls::kServe, fcntl(STDIN_FILENO, F_GETFL) >= 0);
}

// libuv 1.45 and later: a ring that was made before would end the process.
TEST(SystemCalls, ALoopThatWasMadeBeforeGoesOn) {
  EXPECT_EXIT(
      {
        if (!ForbidIoRings().empty()) _exit(kNotSandboxed);
        uv_loop_t loop;
        uv_loop_init(&loop);
        uv_async_t async;
        bool woken = false;
        async.data = &woken;
        uv_async_init(&loop, &async, [](uv_async_t* handle) {
          *static_cast<bool*>(handle->data) = true;
          uv_stop(handle->loop);
        });
        if (!RestrictSystemCalls(Calls::kServe).empty()) _exit(kNotSandboxed);
        uv_async_send(&async);
        uv_run(&loop, UV_RUN_DEFAULT);
        _exit(woken ? kDone : 0);
      },
      ExitedWithCode(kDone), "");
}

TEST(SystemCalls, NoMemoryBecomesCode) {
  EXPECT_FAILS(Calls::kServe, MapCode());
}

TEST(SystemCalls, ThreadsThatRunAreRestrictedToo) {
  EXPECT_EXIT(
      {
        int gate[2];
        if (pipe(gate) != 0) _exit(kNotSandboxed);
        std::thread thread([&] {
          char byte;
          if (read(gate[0], &byte, 1) == 1) Exec();
          _exit(kDone);
        });
        if (!RestrictSystemCalls(Calls::kServe).empty()) _exit(kNotSandboxed);
        if (write(gate[1], "x", 1) != 1) _exit(kNotSandboxed);
        thread.join();
      },
      KilledBySignal(SIGSYS), "");
}

class FileAccessTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(mkdtemp(directory_.data()), nullptr);
    mkdir((directory_ + "/keys").c_str(), 0700);
    for (const char* name : {"/secret", "/certificate", "/keys/key"}) {
      std::ofstream(directory_ + name) << "content";
    }
    std::string error;
    // In a process of its own, since there is no way back.
    if (const pid_t pid = fork(); pid == 0) {
      const FileAccess access = RestrictFileAccess({}, false, &error);
      _exit(access == FileAccess::kUnsupported ? 1 : 0);
    } else {
      int status = 0;
      waitpid(pid, &status, 0);
      ASSERT_TRUE(WIFEXITED(status)) << status;
      // Debian's kernels have it; a container may forbid it.
      if (WEXITSTATUS(status) != 0) GTEST_SKIP() << "the kernel has no Landlock";
    }
  }
  void TearDown() override {
    for (const char* name : {"/secret", "/certificate", "/keys/key"}) {
      unlink((directory_ + name).c_str());
    }
    rmdir((directory_ + "/keys").c_str());
    rmdir(directory_.c_str());
  }

  // Ends with kDone if the attempt returns true.
  [[noreturn]] void TryRestricted(const std::function<bool()>& attempt) {
    std::string error;
    const FileAccess access = RestrictFileAccess(
        {directory_ + "/certificate", directory_ + "/keys", directory_ + "/missing"}, false,
        &error);
    if (access != FileAccess::kRestricted) _exit(kNotSandboxed);
    _exit(attempt() ? kDone : 0);
  }

  bool Reads(const std::string& name) { return Open((directory_ + name).c_str(), O_RDONLY); }

  std::string directory_ = "/tmp/fsubs-sandbox-XXXXXX";
};

TEST_F(FileAccessTest, WhatWasNamedIsRead) {
  EXPECT_EXIT(TryRestricted([&] { return Reads("/certificate"); }), ExitedWithCode(kDone), "");
  EXPECT_EXIT(TryRestricted([&] { return Reads("/keys/key"); }), ExitedWithCode(kDone), "");
}

TEST_F(FileAccessTest, NothingElseIs) {
  EXPECT_EXIT(TryRestricted([&] { return Reads("/secret"); }), ExitedWithCode(0), "");
  EXPECT_EXIT(TryRestricted([&] { return Reads("/keys/../secret"); }), ExitedWithCode(0), "");
  EXPECT_EXIT(TryRestricted([&] { return Open("/etc/passwd", O_RDONLY); }), ExitedWithCode(0), "");
  EXPECT_EXIT(TryRestricted([&] { return Open("/proc/1/status", O_RDONLY); }), ExitedWithCode(0),
              "");
}

TEST_F(FileAccessTest, NothingIsWritten) {
  EXPECT_EXIT(TryRestricted([&] {
                return Open((directory_ + "/keys/key").c_str(), O_WRONLY) ||
                       Open((directory_ + "/keys/new").c_str(), O_WRONLY | O_CREAT);
              }),
              ExitedWithCode(0), "");
}

}  // namespace
}  // namespace fsubs
