// Any bytes as the commands of a host. The first says which parts they come in, and when frames are
// taken.
#include "test/echo_host.hpp"
#include "worker/hosted/command_reader.hpp"

namespace {

using namespace fsubs;

void Require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const uint8_t plan = data[0];
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);

  // What there is of them that can be read.
  CommandReader reader(bytes);
  SessionCommand command;
  while (reader.Next(&command)) {
    Require(command.session != 0);
    Require(command.payload.data() >= bytes.data());
    Require(command.payload.data() + command.payload.size() <= bytes.data() + bytes.size());
  }
  const std::string good = bytes.substr(0, bytes.size() - reader.rest());
  Require(CheckCommands(good).empty());
  Require(reader.problem().empty() == (reader.rest() == 0));

  EchoHost host;
  SessionLink link(&host);
  link.Add(good);
  size_t handled = 0;
  for (int turn = 0; turn < 1000; ++turn) {
    WorkBudget budget(1 + plan);
    const bool done = link.Continue(&budget);
    link.Settle();
    if ((plan & 1) != 0) link.Add(session::Take::kAtOnce);
    const LinkReport report = link.TakeReport();
    handled += report.handled;
    Require(handled <= good.size());
    for (const std::string& frames : report.frames) {
      for (const ReadFrame& frame : ReadFrames(frames)) Require(frame.session != 0);
    }
    if (!report.failure.empty() || done) break;
  }
  WorkBudget budget(SIZE_MAX / 2048);
  Require(link.Bury(&budget));
  Require(link.is_empty());
  return 0;
}
