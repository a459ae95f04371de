// Threads of the worker beside the control thread.
#pragma once

#include <uv.h>

#include <string>

namespace fsubs {

// Run `loop` on a thread of its own for as long as the process lives. Whoever looks at threads sees
// `name`, of at most 15 bytes. It is given no signals: they are the control thread's.
void RunOnThread(uv_loop_t* loop, std::string name);

}  // namespace fsubs
