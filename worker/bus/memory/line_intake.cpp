#include "worker/bus/memory/line_intake.hpp"

#include <utility>

#include "worker/base/clock.hpp"
#include "worker/bus/memory/catalog_file.hpp"
#include "worker/json/json_writer.hpp"

namespace fsubs {

void LineIntake::Add(std::string_view bytes) {
  lines_.Add(bytes);
  TakeLines();
}

void LineIntake::End() {
  lines_.End();
  TakeLines();
}

void LineIntake::Continue() {
  if (!waiting_ || !TakeEvent()) return;
  TakeLines();
}

void LineIntake::TakeLines() {
  while (!waiting_) {
    const auto line = lines_.Next();
    if (!line) return;
    if (!TakeLine(*line)) return;
  }
}

bool LineIntake::TakeLine(const LineBuffer::Line& line) {
  if (line.is_too_long) {
    Fail("it is longer than " + std::to_string(kLongestLine) + " bytes");
    return true;
  }
  switch (line_.Read(line.text)) {
    case EventLine::Kind::kNone:
      return true;
    case EventLine::Kind::kEvent:
      return TakeEvent();
    case EventLine::Kind::kCatalog:
      TakeCatalog();
      return true;
    case EventLine::Kind::kSync:
      Tell(false, "sync", line_.sync());
      return true;
    case EventLine::Kind::kBad:
      break;
  }
  Fail(line_.error());
  return true;
}

bool LineIntake::TakeEvent() {
  BusEvent event{line_.event()};
  const size_t bytes = EncodedSize(event.record);
  waiting_.reset();
  if (bytes > sink_->LargestRecord()) {
    Fail("the event takes " + std::to_string(bytes) + " bytes of the ring, where one may take " +
         std::to_string(sink_->LargestRecord()) + "; increase ring_size");
    return true;
  }
  if (sink_->Room() < bytes) {
    waiting_ = bytes;
    return false;
  }
  event.record.commit_time_us = NowUs();
  sink_->OnEvents({&event, 1});
  return true;
}

void LineIntake::TakeCatalog() {
  std::string error;
  auto snapshot = SnapshotOf(line_.catalog(), "", &error);
  if (!snapshot) {
    Fail("the catalog stays as it was: " + error);
    return;
  }
  sink_->OnCatalog(std::move(*snapshot));
}

void LineIntake::Fail(std::string_view error) {
  std::string json;
  AppendJsonString(error, &json);
  Tell(true, "error", json);
}

void LineIntake::Tell(bool is_error, std::string_view member, std::string_view json) {
  std::string answer;
  JsonWriter writer(&answer);
  writer.BeginObject();
  writer.Key("line");
  writer.Number(lines_.lines());
  writer.Key(member);
  writer.Raw(json);
  writer.EndObject();
  answer_(is_error, answer);
}

}  // namespace fsubs
