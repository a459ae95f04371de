// "Did you mean" as graphql-js offers it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fsubs::graphql {

// Those of `options` that `input` may be a slip of, the likeliest first.
std::vector<std::string> Suggest(std::string_view input,
                                 const std::vector<std::string_view>& options);

// Whether `a` comes before `b` where numbers in names count by their value: "x9" before "x10".
bool NaturalLess(std::string_view a, std::string_view b);

// ` Did you mean "a", "b", or "c"?`, at most five, or an empty string. `kind` may be empty, or as
// in "the enum value", and stands in front of the list.
std::string DidYouMean(const std::vector<std::string>& suggestions, std::string_view kind = {},
                       bool quoted = true);

}  // namespace fsubs::graphql
