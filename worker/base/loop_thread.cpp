#include "worker/base/loop_thread.hpp"

#include <pthread.h>

#include <csignal>
#include <thread>
#include <utility>

namespace fsubs {

void RunOnThread(uv_loop_t* loop, std::string name) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([loop, name = std::move(name)] {
    pthread_setname_np(pthread_self(), name.c_str());
    uv_run(loop, UV_RUN_DEFAULT);
  }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace fsubs
