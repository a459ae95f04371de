#include "worker/bus/redis/publishing_thread.hpp"

#include <pthread.h>

#include <csignal>
#include <thread>

namespace fsubs {

void PublishingThread::Start() {
  uv_loop_init(&loop_);
  publisher_.Attach(&loop_);
  // Signals are the control thread's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([this] {
    pthread_setname_np(pthread_self(), "bus");
    uv_run(&loop_, UV_RUN_DEFAULT);
  }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace fsubs
