#include "worker/confinement.hpp"

#include <vector>

#include "worker/base/log.hpp"
#include "worker/node_setup.hpp"
#include "worker/sandbox/file_access.hpp"
#include "worker/sandbox/system_calls.hpp"

namespace fsubs {

std::string ConfineFiles(const Options& options, const std::optional<BusNeeds>& bus) {
  if (!options.sandbox) {
    Log(LogLevel::kWarning,
        "fraiseql_subs.sandbox is off: whoever takes over the worker can do what the server's user "
        "can");
    return {};
  }
  std::string error;
  std::vector<std::string> readable;
  if (options.is_node()) readable = DirectoriesToRead(options);
  if (bus) {
    readable.insert(readable.end(), bus->readable.begin(), bus->readable.end());
  }
  switch (RestrictFileAccess(readable, bus && bus->connects, &error)) {
    case FileAccess::kRestricted:
      return {};
    case FileAccess::kUnsupported:
      Log(LogLevel::kWarning,
          "this kernel has no Landlock: the worker can read what the server's user can");
      return {};
    case FileAccess::kFailed:
      break;
  }
  return "could not give up access to files: " + error +
         "; fraiseql_subs.sandbox = off does without";
}

std::string ConfineCalls(const Options& options, const std::optional<BusNeeds>& bus) {
  if (!options.sandbox) return {};
  Calls calls = Calls::kServe;
  if (bus) {
    calls = bus->connects_locally ? Calls::kServeLocallyConnectedNode
            : bus->connects       ? Calls::kServeConnectedNode
                                  : Calls::kServeNode;
  }
  const std::string error = RestrictSystemCalls(calls);
  if (error.empty()) return {};
  return "could not give up system calls: " + error + "; fraiseql_subs.sandbox = off does without";
}

}  // namespace fsubs
