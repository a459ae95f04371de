#include "worker/filter/date_time.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

std::string Form(std::string_view text) {
  std::string form;
  return AppendInstantForm(text, &form) ? form : "(none)";
}

TEST(DateTimeTest, OneMomentHasOneFormInEveryZoneAndSpelling) {
  for (const char* same :
       {"2026-01-01T00:00:00Z", "2026-01-01 00:00:00+00", "2026-01-01 01:00:00+01",
        "2025-12-31T19:00:00-05:00", "2026-01-01T05:30:00.000+0530", "2026-01-01",
        "2026-01-01T00:00", "2026-01-01t00:00:00.0z", "2025-12-31 24:00:00",
        "2026-01-01 00:30:15+00:30:15", " 2026-01-01T00:00:00 UTC ", "2026-1-1 0:00 AD"}) {
    EXPECT_EQ(Form(same), Form("2026-01-01T00:00:00Z")) << same;
  }
}

TEST(DateTimeTest, FormsOrderAsMomentsDo) {
  const char* const ordered[] = {"-infinity",
                                 "4714-11-24 BC",
                                 "0001-12-31T23:59:59Z BC",
                                 "0001-01-01",
                                 "1969-12-31T23:59:59.999999999Z",
                                 "1969-12-31T23:59:59.9999999999Z",
                                 "1970-01-01",
                                 "2026-01-01T00:00:00.000001Z",
                                 "2026-01-01T00:00:00.00001Z",
                                 "2026-01-01T00:00:01Z",
                                 "20260-01-01",
                                 "294276-12-31",
                                 "infinity"};
  for (size_t i = 1; i < std::size(ordered); ++i) {
    EXPECT_LT(Form(ordered[i - 1]), Form(ordered[i])) << ordered[i];
  }
}

TEST(DateTimeTest, AnythingElseIsNoMoment) {
  for (const char* other :
       {"", "today", "2026", "2026-13-01", "2026-02-30", "2026-01-01T", "2026-01-01T25:00",
        "2026-01-01T00:60", "2026-01-01T00:00:00.", "2026-01-01T00:00:00+",
        "2026-01-01T00:00:00+24", "2026-01-01T24:00:01", "2025-02-29", "0000-01-01", "2026-01-01x",
        "99999999-01-01", "4715-12-31 BC", "2025025-09-03 BC"}) {
    EXPECT_EQ(Form(other), "(none)") << other;
  }
}

}  // namespace
}  // namespace fsubs
