// Named figures, printed for people or for programs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fsubs::bench {

class Report {
 public:
  void Add(std::string name, double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.6g", std::isfinite(value) ? value : 0.0);
    entries_.emplace_back(std::move(name), text);
  }

  void Add(std::string name, uint64_t value) {
    entries_.emplace_back(std::move(name), std::to_string(value));
  }

  void Add(std::string name, std::string_view value) {
    std::string quoted = "\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    entries_.emplace_back(std::move(name), quoted + '"');
  }

  void PrintJson() const {
    const char* separator = "{";
    for (const auto& [name, value] : entries_) {
      std::printf("%s\"%s\":%s", separator, name.c_str(), value.c_str());
      separator = ",";
    }
    std::puts("}");
  }

  void PrintLines() const {
    for (const auto& [name, value] : entries_) {
      std::printf("%-28s %s\n", name.c_str(), value.c_str());
    }
  }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;  // name, value as JSON
};

// The value that `share` of the samples do not exceed, 0 of none.
inline double Percentile(std::vector<int64_t> samples, double share) {
  if (samples.empty()) return 0;
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(samples.size())));
  const auto nth = samples.begin() + static_cast<ptrdiff_t>(std::max<size_t>(rank, 1) - 1);
  std::nth_element(samples.begin(), nth, samples.end());
  return static_cast<double>(*nth);
}

}  // namespace fsubs::bench
