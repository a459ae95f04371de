// What the worker gives up of the system before it hears of anybody (docs/security.md).
#pragma once

#include <optional>
#include <string>

#include "worker/base/options.hpp"
#include "worker/bus/bus_reader.hpp"

namespace fsubs {

// `bus`: what a node still needs to read its bus; nothing: PostgreSQL's launcher started the
// worker. Each returns an empty string, or why the worker must not start.

// Access to files. REQUIRES: no other thread runs.
std::string ConfineFiles(const Options& options, const std::optional<BusNeeds>& bus);
// System calls, of all threads. Call once everything is open.
std::string ConfineCalls(const Options& options, const std::optional<BusNeeds>& bus);

}  // namespace fsubs
