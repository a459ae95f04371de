// "Did you mean" as graphql-js offers it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fsubs::graphql {

// The `options` that `input` may be a misspelling of, the most likely first.
std::vector<std::string> Suggest(std::string_view input,
                                 const std::vector<std::string_view>& options);

// Whether `a` comes before `b` if numbers in names compare by their value: "x9" before "x10".
bool NaturalLess(std::string_view a, std::string_view b);

// ` Did you mean "a", "b", or "c"?` with at most five suggestions, or an empty string if there are
// none. `kind`, such as "the enum value", stands in front of them and may be empty.
std::string DidYouMean(const std::vector<std::string>& suggestions, std::string_view kind = {},
                       bool quoted = true);

}  // namespace fsubs::graphql
