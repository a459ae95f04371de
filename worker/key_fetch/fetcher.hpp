// Fetches documents by HTTP for a worker that must not connect to anybody. Runs in a process of its
// own, see fetcher_process.hpp.
#pragma once

namespace fsubs {

// Whether the process gives up what it does not need (worker/sandbox/).
enum class Confinement { kOn, kOff };

// Answer requests on `channel` (fetch_protocol.hpp) until its other end is closed, or something is
// wrong with it.
//
// Allowed are https, by the system's certificates, and http if the address that it leads to is of
// this machine. Nothing is redirected, and no proxy is used.
void RunFetcher(int channel, Confinement confinement);

}  // namespace fsubs
