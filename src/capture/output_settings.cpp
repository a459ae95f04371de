#include "src/capture/output_settings.hpp"

namespace fsubs {
namespace {

constexpr int kNothingPinned = 0;

// Behind pg_catalog, which then has no name that the session's temporary objects could take.
constexpr char kSearchPath[] = "pg_catalog, pg_temp";

struct PinnedSetting {
  uint32_t read_by;
  const char* name;
  const char* value;
  bool (*is_as_wanted)();  // must be cheap: called for every row
};

// Whether its times are written as in UTC, as those of GMT and Etc/UTC are.
bool IsUtc() {
  long offset = 0;
  return pg_get_timezone_offset(session_timezone, &offset) && offset == 0;
}

// C.UTF-8 and its like differ from C in nothing that money is written with.
bool IsMonetaryC() {
  const std::string_view locale = locale_monetary;
  return locale == "C" || locale == "POSIX" || locale.starts_with("C.");
}

constexpr PinnedSetting kPinned[] = {
    {kReadsDateStyle, "DateStyle", "ISO", [] { return DateStyle == USE_ISO_DATES; }},
    {kReadsTimeZone, "TimeZone", "UTC", IsUtc},
    {kReadsIntervalStyle, "IntervalStyle", "postgres",
     [] { return IntervalStyle == INTSTYLE_POSTGRES; }},
    // From 1 on, floats are written with as many digits as they need.
    {kReadsFloatDigits, "extra_float_digits", "3", [] { return extra_float_digits >= 1; }},
    {kReadsByteaOutput, "bytea_output", "hex", [] { return bytea_output == BYTEA_OUTPUT_HEX; }},
    {kReadsMonetaryLocale, "lc_monetary", "C", IsMonetaryC},
    {kReadsNames, "quote_all_identifiers", "off", [] { return !quote_all_identifiers; }},
    {kReadsNames, "search_path", kSearchPath,
     [] { return strcmp(namespace_search_path, kSearchPath) == 0; }},
};

}  // namespace

int PinSettings(uint32_t reads) {
  int level = kNothingPinned;
  if (reads == 0) return level;
  for (const PinnedSetting& setting : kPinned) {
    if ((reads & setting.read_by) == 0 || setting.is_as_wanted()) continue;
    if (level == kNothingPinned) level = NewGUCNestLevel();
    set_config_option(setting.name, setting.value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
                      true, 0, false);
  }
  return level;
}

void UnpinSettings(int pinned) {
  if (pinned != kNothingPinned) AtEOXact_GUC(true, pinned);
}

}  // namespace fsubs
