#include "graphql/language/block_string.hpp"

#include <algorithm>
#include <vector>

namespace fsubs::graphql {
namespace {

constexpr std::string_view kBlank = " \t";

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t start = 0;;) {
    const size_t end = text.find_first_of("\r\n", start);
    lines.push_back(text.substr(start, end - start));
    if (end == std::string_view::npos) return lines;
    start = end + (text.substr(end).starts_with("\r\n") ? 2 : 1);
  }
}

size_t Utf16Length(std::string_view text) {
  size_t length = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) length += byte >= 0xF0 ? 2 : 1;
  }
  return length;
}

}  // namespace

std::string DedentBlockString(std::string_view raw) {
  const std::vector<std::string_view> lines = Lines(raw);
  const auto indent_of = [](std::string_view line) { return line.find_first_not_of(kBlank); };
  size_t common = std::string_view::npos;
  size_t first = std::string_view::npos;
  size_t last = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const size_t indent = indent_of(lines[i]);
    if (indent == std::string_view::npos) continue;
    if (first == std::string_view::npos) first = i;
    last = i;
    if (i != 0) common = std::min(common, indent);
  }
  std::string value;
  if (first == std::string_view::npos) return value;
  for (size_t i = first; i <= last; ++i) {
    if (i != first) value += '\n';
    std::string_view line = lines[i];
    if (i != 0 && common != std::string_view::npos)
      line.remove_prefix(std::min(common, line.size()));
    value += line;
  }
  return value;
}

std::string PrintBlockString(std::string_view value) {
  constexpr size_t kLong = 70;
  std::string escaped(value);
  for (size_t at = 0; (at = escaped.find("\"\"\"", at)) != std::string::npos; at += 4) {
    escaped.insert(at, 1, '\\');
  }
  const std::vector<std::string_view> lines = Lines(escaped);
  // The line behind the opening quotes does not count for the common indentation. So a text whose
  // other lines are all indented starts on a line of its own.
  const bool indented =
      lines.size() > 1 && std::all_of(lines.begin() + 1, lines.end(), [](std::string_view line) {
        return line.empty() || kBlank.find(line.front()) != std::string_view::npos;
      });
  const bool ends_in_quotes = escaped.ends_with("\\\"\"\"");
  // A text that ends so would run into the closing quotes.
  const bool open_end = (value.ends_with('"') && !ends_in_quotes) || value.ends_with('\\');
  const bool multiline =
      lines.size() > 1 || Utf16Length(value) > kLong || open_end || indented || ends_in_quotes;
  const bool starts_blank =
      lines.size() == 1 && !value.empty() && kBlank.find(value.front()) != std::string_view::npos;
  std::string text = "\"\"\"";
  if ((multiline && !starts_blank) || indented) text += '\n';
  text += escaped;
  if (multiline || open_end) text += '\n';
  return text += "\"\"\"";
}

}  // namespace fsubs::graphql
