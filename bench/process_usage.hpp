// What processes and cores have used.
#pragma once

#include <sched.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace fsubs::bench {

// CPU time of all of a process's threads.
inline int64_t ProcessCpuNs(pid_t pid) {
  clockid_t clock;
  timespec used;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
    throw std::runtime_error("cannot read the CPU time of process " + std::to_string(pid));
  }
  return used.tv_sec * int64_t{1'000'000'000} + used.tv_nsec;
}

inline int64_t ResidentBytes(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  int64_t size = 0, resident = 0;
  if (!(file >> size >> resident)) {
    throw std::runtime_error("cannot read the memory use of process " + std::to_string(pid));
  }
  return resident * sysconf(_SC_PAGESIZE);
}

struct CoreTicks {
  int64_t busy = 0;
  int64_t total = 0;
};

// Of the cores on which this process may run, whoever used them.
inline CoreTicks OwnCores() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
    throw std::runtime_error("cannot read the CPU affinity");
  }
  std::ifstream file("/proc/stat");
  CoreTicks sum;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (name.size() < 4 || name.compare(0, 3, "cpu") != 0) continue;
    if (!CPU_ISSET(std::stoi(name.substr(3)), &allowed)) continue;
    int64_t user, nice, system, idle, iowait, irq, softirq, steal;
    words >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal;
    const int64_t busy = user + nice + system + irq + softirq + steal;
    sum.busy += busy;
    sum.total += busy + idle + iowait;
  }
  return sum;
}

}  // namespace fsubs::bench
