// Prints README's table of the settings. scripts/settings-table compiles and runs it.
#include <iostream>
#include <span>
#include <string>
#include <string_view>

#include "contract/settings.hpp"

namespace fsubs {
namespace {

struct Measure {
  int64_t size;
  const char* name;
};

constexpr Measure kSizes[] = {
    {1024 * kGigabyte, "TB"}, {kGigabyte, "GB"}, {kMegabyte, "MB"}, {kKilobyte, "kB"}, {1, "B"},
};
constexpr Measure kTimes[] = {{kHour, "h"}, {kMinute, "min"}, {kSecond, "s"}, {1, "ms"}};
constexpr Measure kCounts[] = {{1, ""}};

std::span<const Measure> MeasuresOf(Unit unit) {
  switch (unit) {
    case Unit::kBytes:
    case Unit::kKilobytes:
      return kSizes;
    case Unit::kMilliseconds:
      return kTimes;
    case Unit::kNone:
      break;
  }
  return kCounts;
}

// In the largest measure that leaves a whole number.
std::string Amount(int64_t value, Unit unit) {
  if (value == 0) return "0";
  const Measure* measure = MeasuresOf(unit).data();
  while (value % measure->size != 0) ++measure;
  return std::to_string(value / measure->size) + measure->name;
}

std::string Cells(std::string_view default_value, std::string_view range) {
  return std::string(default_value).append(" | ").append(range);
}

std::string DefaultAndRange(const BoolSetting& setting) {
  return Cells(setting.default_value ? "on" : "off", "on, off");
}

std::string DefaultAndRange(const IntegerSetting& setting) {
  const std::string range =
      Amount(setting.min, setting.unit) + " – " + Amount(setting.max, setting.unit);
  return Cells(Amount(setting.default_value, setting.unit),
               setting.zero_is_off ? "0, " + range : range);
}

std::string DefaultAndRange(const StringSetting& setting) {
  return Cells(setting.default_value, setting.range);
}

std::string DefaultAndRange(const EnumSetting& setting) {
  std::string names;
  for (const Choice& choice : setting.choices) {
    if (!choice.hidden) names.append(names.empty() ? "" : ", ").append(choice.name);
  }
  return Cells(NameOf(setting, setting.default_value), names);
}

const char* NameOf(ChangedBy changed_by) {
  switch (changed_by) {
    case ChangedBy::kRestart:
      return "restart";
    case ChangedBy::kReload:
      return "reload";
    case ChangedBy::kSession:
      break;
  }
  return "session";
}

// What a sentence quotes is code in Markdown.
std::string Meaning(std::string sentence) {
  for (char& character : sentence) {
    if (character == '"') character = '`';
  }
  return sentence;
}

}  // namespace
}  // namespace fsubs

int main() {
  using namespace fsubs;
  std::cout << "| Setting | Default | Range | Changed by | Meaning |\n|---|---|---|---|---|\n";
  for (const Setting& setting : kSettings) {
    std::cout << "| `" << setting.name << "` | "
              << std::visit([](const auto& kind) { return DefaultAndRange(kind); }, setting.value)
              << " | " << NameOf(setting.changed_by) << " | " << Meaning(setting.sentence)
              << " |\n";
  }
}
