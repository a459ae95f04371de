#include "worker/key_fetch/fetcher_process.hpp"

namespace fsubs {

FetcherProcess StartFetcher(Confinement confinement, std::string* error) {
  return StartKeptProcess(
      "fraiseql-fetch", [confinement](int channel) { RunFetcher(channel, confinement); }, error);
}

}  // namespace fsubs
