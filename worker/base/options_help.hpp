// The page that `fraiseql-worker --help` prints.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "contract/setting.hpp"

namespace fsubs {

// Let `--help` print every option whose group has a name.
void SetHelpPage(CLI::App* app);

// Say on the page what a setting is, and put it among those that change as it does.
void DescribeOption(CLI::Option* option, const Setting& setting);

}  // namespace fsubs
