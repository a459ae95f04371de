#include "worker/sandbox/system_calls.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

namespace fsubs {
namespace {

constexpr int kCommon[] = {
    // bytes
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(mq_timedreceive),
    SCMP_SYS(mq_timedreceive_time64),
    SCMP_SYS(mq_getsetattr),
    // sockets that are there
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(shutdown),
    // descriptors
    SCMP_SYS(close),
    SCMP_SYS(close_range),
    SCMP_SYS(dup),
    SCMP_SYS(eventfd2),
    SCMP_SYS(pipe2),
    SCMP_SYS(lseek),
    SCMP_SYS(_llseek),
    // what files are, of those that may be seen
    SCMP_SYS(fstat),
    SCMP_SYS(fstat64),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(fstatat64),
    SCMP_SYS(statx),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64),
    SCMP_SYS(getcwd),
    SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),
    SCMP_SYS(fadvise64),
    // waiting
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(ppoll_time64),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_nanosleep_time64),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(sched_yield),
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    // time
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    // memory
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(membarrier),
    // threads and signals of its own
    SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigreturn),
    SCMP_SYS(rt_sigpending),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(wait4),
    // about itself
    SCMP_SYS(getrandom),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getrusage),
    SCMP_SYS(times),
    SCMP_SYS(getcpu),
};

constexpr int kOfServing[] = {SCMP_SYS(accept), SCMP_SYS(accept4)};
constexpr int kOfWaking[] = {SCMP_SYS(mq_timedsend), SCMP_SYS(mq_timedsend_time64)};
constexpr int kOfFetching[] = {SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(sendmmsg),
                               SCMP_SYS(recvmmsg), SCMP_SYS(socketpair)};

// Nothing that is no attack makes these.
constexpr int kFatal[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(creat),
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(link),
    SCMP_SYS(linkat),
    SCMP_SYS(symlink),
    SCMP_SYS(symlinkat),
    SCMP_SYS(truncate),
    SCMP_SYS(chmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(chown),
    SCMP_SYS(fchownat),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(mount),
    SCMP_SYS(bpf),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(setuid),
    SCMP_SYS(setresuid),
    SCMP_SYS(shmget),
    SCMP_SYS(shmat),
};
constexpr int kFatalInServing[] = {SCMP_SYS(connect)};

constexpr unsigned long kRequests[] = {FIONREAD, FIONBIO, FIOCLEX, SIOCOUTQ, TCGETS};

class Filter {
 public:
  // For calls without a rule.
  explicit Filter(uint32_t action) : context_(seccomp_init(action)) {}

  void Add(uint32_t action, int call) { Check(seccomp_rule_add(context_.get(), action, call, 0)); }
  void Add(uint32_t action, std::span<const int> calls) {
    for (const int call : calls) Add(action, call);
  }
  void Add(uint32_t action, int call, const scmp_arg_cmp& argument) {
    Check(seccomp_rule_add(context_.get(), action, call, 1, argument));
  }

  // Returns what went wrong.
  std::string Load() {
    if (context_ == nullptr) return "seccomp_init failed";
    Check(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1));
    Check(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
    if (error_ == 0) error_ = seccomp_load(context_.get());
    return error_ == 0 ? std::string() : std::string("seccomp: ") + std::strerror(-error_);
  }

 private:
  struct Release {
    void operator()(void* context) const { seccomp_release(context); }
  };

  // Calls that this architecture does not have need no rule.
  void Check(int result) {
    if (result < 0 && result != -EDOM && error_ == 0) error_ = result;
  }

  std::unique_ptr<void, Release> context_;
  int error_ = 0;
};

// `flags` is the argument that says how a file is opened.
void AddOpen(Filter* filter, int call, unsigned flags) {
  constexpr int kWriting = O_ACCMODE | O_CREAT | O_TRUNC;
  filter->Add(SCMP_ACT_ALLOW, call, SCMP_CMP(flags, SCMP_CMP_MASKED_EQ, kWriting, 0));
  for (const int bit : {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC}) {
    filter->Add(SCMP_ACT_KILL_PROCESS, call,
                SCMP_CMP(flags, SCMP_CMP_MASKED_EQ, static_cast<unsigned>(bit),
                         static_cast<unsigned>(bit)));
  }
}

// With this flag a listening socket that was shut down connects.
void AddSend(Filter* filter, int call, unsigned flags) {
  filter->Add(SCMP_ACT_ALLOW, call, SCMP_CMP(flags, SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));
  filter->Add(SCMP_ACT_KILL_PROCESS, call,
              SCMP_CMP(flags, SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, MSG_FASTOPEN));
}

// Some commands have the kernel send signals to other processes, or hold up who opens a file.
void AddControl(Filter* filter, int call) {
  for (const int command : {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL}) {
    filter->Add(SCMP_ACT_ALLOW, call, SCMP_CMP(1, SCMP_CMP_EQ, static_cast<scmp_datum_t>(command)));
  }
  for (const int command : {F_SETOWN, F_SETOWN_EX, F_SETSIG, F_SETLEASE, F_NOTIFY}) {
    filter->Add(SCMP_ACT_KILL_PROCESS, call,
                SCMP_CMP(1, SCMP_CMP_EQ, static_cast<scmp_datum_t>(command)));
  }
}

// Memory is for data: what was mapped as code before is all there is.
void AddMapping(Filter* filter, int call) {
  filter->Add(SCMP_ACT_ALLOW, call, SCMP_CMP(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

}  // namespace

std::string ForbidIoRings() {
  Filter filter(SCMP_ACT_ALLOW);
  filter.Add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(io_uring_setup));
  return filter.Load();
}

std::string RestrictSystemCalls(Calls calls) {
  // ENOSYS has libraries do without a call that they need not have.
  Filter filter(SCMP_ACT_ERRNO(ENOSYS));
  filter.Add(SCMP_ACT_ALLOW, kCommon);
  filter.Add(SCMP_ACT_KILL_PROCESS, kFatal);
  AddOpen(&filter, SCMP_SYS(open), 1);
  AddOpen(&filter, SCMP_SYS(openat), 2);
  AddSend(&filter, SCMP_SYS(sendto), 3);
  AddSend(&filter, SCMP_SYS(sendmsg), 2);
  AddControl(&filter, SCMP_SYS(fcntl));
  AddControl(&filter, SCMP_SYS(fcntl64));
  AddMapping(&filter, SCMP_SYS(mmap));
  AddMapping(&filter, SCMP_SYS(mmap2));
  AddMapping(&filter, SCMP_SYS(mprotect));
  // Threads, but no processes. The arguments of clone3 cannot be seen; without it libraries clone.
  filter.Add(SCMP_ACT_ALLOW, SCMP_SYS(clone),
             SCMP_CMP(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  filter.Add(SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone),
             SCMP_CMP(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
  filter.Add(SCMP_ACT_ALLOW, SCMP_SYS(tgkill),
             SCMP_CMP(0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(getpid())));
  filter.Add(SCMP_ACT_ALLOW, SCMP_SYS(prctl), SCMP_CMP(0, SCMP_CMP_EQ, PR_SET_NAME));
  // Limits may be read.
  filter.Add(SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), SCMP_CMP(2, SCMP_CMP_EQ, 0));
  for (const unsigned long request : kRequests) {
    filter.Add(SCMP_ACT_ALLOW, SCMP_SYS(ioctl), SCMP_CMP(1, SCMP_CMP_EQ, request));
  }
  if (calls == Calls::kServeNode) filter.Add(SCMP_ACT_ALLOW, kOfWaking);
  if (calls != Calls::kFetch) {
    filter.Add(SCMP_ACT_ALLOW, kOfServing);
    filter.Add(SCMP_ACT_KILL_PROCESS, kFatalInServing);
  } else {
    filter.Add(SCMP_ACT_ALLOW, kOfFetching);
    // PostgreSQL takes whoever comes by its Unix socket as that user for itself, in many servers.
    // Names are looked up by asking the interfaces, too.
    for (const int family : {AF_INET, AF_INET6, AF_NETLINK}) {
      filter.Add(SCMP_ACT_ALLOW, SCMP_SYS(socket),
                 SCMP_CMP(0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(family)));
    }
  }
  return filter.Load();
}

}  // namespace fsubs
