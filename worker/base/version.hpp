#pragma once

namespace fsubs {

// Of this program, which is that of the extension it was built with.
extern const char* const kVersion;

}  // namespace fsubs
