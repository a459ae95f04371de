#include "worker/hosted/command_reader.hpp"

#include <utility>

namespace fsubs {

using session::CommandKind;
using session::Load;

bool CommandReader::Fail(std::string problem) {
  problem_ = std::move(problem);
  return false;
}

bool CommandReader::Next(SessionCommand* command) {
  if (rest_.empty() || !problem_.empty()) return false;
  if (rest_.size() < session::kLengthSize) return Fail("a command ends within its length");
  const auto length = Load<uint32_t>(rest_.data());
  if (length < session::kCommandHeader) {
    return Fail("a command has the length " + std::to_string(length) + ", less than its header");
  }
  if (length > rest_.size() - session::kLengthSize) {
    return Fail("a command of " + std::to_string(length) + " bytes has " +
                std::to_string(rest_.size() - session::kLengthSize));
  }
  const char* const head = rest_.data() + session::kLengthSize;
  const auto kind = Load<uint8_t>(head);
  if (kind == 0 || kind > session::kLastCommand) {
    return Fail("there is no command of the kind " + std::to_string(kind));
  }
  SessionCommand read{.kind = static_cast<CommandKind>(kind), .session = Load<uint32_t>(head + 1)};
  if (read.session == 0) return Fail("no session has the number 0");
  read.payload = {head + session::kCommandHeader, length - session::kCommandHeader};
  const auto take = [&](auto* number) {
    if (read.payload.size() < sizeof(*number)) return false;
    *number = Load<std::remove_pointer_t<decltype(number)>>(read.payload.data());
    read.payload.remove_prefix(sizeof(*number));
    return true;
  };
  if (read.kind == CommandKind::kResume && !take(&read.position)) {
    return Fail("a command to resume has no position");
  }
  if (read.kind == CommandKind::kClose && !take(&read.code)) {
    return Fail("a command to close has no code");
  }
  *command = read;
  rest_.remove_prefix(session::kLengthSize + length);
  return true;
}

std::string CheckCommands(std::string_view bytes) {
  CommandReader reader(bytes);
  SessionCommand command;
  while (reader.Next(&command)) {
  }
  return reader.problem();
}

}  // namespace fsubs
