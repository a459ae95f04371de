#include "worker/base/options_help.hpp"

#include <algorithm>
#include <memory>
#include <string_view>
#include <variant>

namespace fsubs {
namespace {

constexpr char kUsage[] = "Usage: fraiseql-worker [--OPTION VALUE]...\n";

constexpr char kDescription[] =
    "Serves GraphQL subscriptions from the event ring of a PostgreSQL server with the extension "
    "fraiseql_subs, which starts this program itself and hands its settings down; or, with --bus, "
    "without a PostgreSQL server. Sizes are in bytes, times in milliseconds.";

constexpr char kFooter[] =
    "SIGHUP reads the configuration file and the catalog again. SIGTERM drains: every connection "
    "is "
    "closed with 1001, and the program ends within --drain-timeout. A node without PostgreSQL "
    "takes "
    "each option from the environment, too, where --max-connections is "
    "FRAISEQL_SUBS_MAX_CONNECTIONS; "
    "the command line goes before the environment, and that before the file.";

constexpr size_t kWidth = 80;

// Lines of at most kWidth characters, broken at spaces, each behind `indent`.
std::string Wrap(std::string_view text, std::string_view indent) {
  const size_t width = kWidth - indent.size();
  std::string lines;
  while (!text.empty()) {
    size_t length = text.size();
    if (length > width) length = text.rfind(' ', width);
    if (length == std::string_view::npos) length = std::min(text.find(' '), text.size());
    lines.append(indent).append(text.substr(0, length)).append("\n");
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return lines;
}

std::string Describe(const CLI::Option& option) {
  std::string text = "  ";
  for (const std::string& name : option.get_snames()) text += "-" + name + ", ";
  text += "--" + option.get_lnames().front();
  if (!option.get_option_text().empty()) text += " " + option.get_option_text();
  return text + "\n" + Wrap(option.get_description(), "      ");
}

class HelpPage : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    std::string page = kUsage;
    page += "\n" + Wrap(kDescription, "");
    for (const std::string& group : app->get_groups()) {
      if (group.empty()) continue;
      page += "\n" + group + ":\n";
      for (const CLI::Option* option : app->get_options()) {
        if (option->get_group() == group) page += Describe(*option);
      }
    }
    return page + "\n" + Wrap(kFooter, "");
  }
};

// What stands behind the name of an option.
std::string ValueText(const char* placeholder, const std::string& range,
                      const std::string& default_value) {
  return std::string(placeholder) + " (" + range + ", default " + default_value + ")";
}

std::string ValueText(const BoolSetting& setting) {
  return ValueText("BOOLEAN", "true or false", setting.default_value ? "true" : "false");
}

std::string ValueText(const IntegerSetting& setting) {
  const char* placeholder = "NUMBER";
  if (setting.unit == Unit::kMilliseconds) {
    placeholder = "MILLISECONDS";
  } else if (setting.unit != Unit::kNone) {
    placeholder = "BYTES";
  }
  const std::string range = std::to_string(setting.min) + " to " + std::to_string(setting.max);
  return ValueText(placeholder, setting.zero_is_off ? "0 or " + range : range,
                   std::to_string(setting.default_value));
}

std::string ValueText(const StringSetting& setting) {
  return ValueText("TEXT", setting.range, setting.default_value);
}

std::string ValueText(const EnumSetting& setting) {
  std::string names;
  for (const Choice& choice : setting.choices) {
    if (!choice.hidden) names.append(names.empty() ? "" : " | ").append(choice.name);
  }
  return ValueText("NAME", names, NameOf(setting, setting.default_value));
}

}  // namespace

void SetHelpPage(CLI::App* app) {
  app->formatter(std::make_shared<HelpPage>());
  app->set_help_flag("-h,--help", "Print this page.");
}

void DescribeOption(CLI::Option* option, const Setting& setting) {
  option->group(setting.changed_by == ChangedBy::kRestart ? "Settings, fixed at start"
                                                          : "Settings, read again at SIGHUP");
  option->option_text(std::visit([](const auto& kind) { return ValueText(kind); }, setting.value));
  option->description(setting.sentence);
}

}  // namespace fsubs
