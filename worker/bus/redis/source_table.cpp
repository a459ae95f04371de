#include "worker/bus/redis/source_table.hpp"

#include <algorithm>
#include <charconv>

namespace fsubs {
namespace {

constexpr size_t kMaxEpoch = 16;  // digits
constexpr size_t kMaxNode = 256;

bool ReadNumber(std::string_view text, uint64_t* number) {
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, *number);
  return read.ec == std::errc{} && read.ptr == end;
}

std::string_view TakeWord(std::string_view* text) {
  const size_t end = std::min(text->find(' '), text->size());
  const std::string_view word = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return word;
}

bool ReadSource(const std::string& epoch, std::string_view value, Source* source) {
  if (epoch.empty() || epoch.size() > kMaxEpoch ||
      epoch.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return false;
  }
  source->epoch = epoch;
  if (!ReadNumber(TakeWord(&value), &source->claim)) return false;
  std::string_view last = TakeWord(&value);
  uint64_t number;
  source->has_more = last.ends_with('+');
  if (source->has_more) last.remove_suffix(1);
  if (ReadNumber(last, &number)) {
    source->last = number;
  } else if (last != "-" || source->has_more) {
    return false;
  }
  source->node = value.substr(0, kMaxNode);
  return true;
}

}  // namespace

std::string Source::Value() const {
  const std::string events = last ? std::to_string(*last) + (has_more ? "+" : "") : "-";
  return std::to_string(claim) + " " + events + " " + node;
}

bool SourceTable::Read(const Reply& reply, SourceTable* table) {
  if (!reply.is_array() || reply.elements.size() % 2 != 0) return false;
  table->sources_.clear();
  for (size_t i = 0; i < reply.elements.size(); i += 2) {
    Source source;
    if (ReadSource(reply.elements[i].text, reply.elements[i + 1].text, &source)) {
      table->sources_.push_back(std::move(source));
    }
  }
  std::ranges::sort(table->sources_, {}, &Source::claim);
  return true;
}

const Source* SourceTable::Find(const std::string& epoch) const {
  const auto found = std::ranges::find(sources_, epoch, &Source::epoch);
  return found == sources_.end() ? nullptr : &*found;
}

const Source* SourceTable::After(const std::string& epoch) const {
  const auto found = std::ranges::find(sources_, epoch, &Source::epoch);
  return found == sources_.end() || found + 1 == sources_.end() ? nullptr : &*(found + 1);
}

}  // namespace fsubs
