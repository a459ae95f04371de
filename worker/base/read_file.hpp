// Whole files.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

struct stat;

namespace fsubs {

// Returns the bytes of a regular file of at most `most` bytes, or nothing and why in `*error`.
// `problem_of`, if there is one, may refuse what the open file is: it returns null or why.
std::optional<std::string> ReadFile(const std::string& path, size_t most, std::string* error,
                                    const char* (*problem_of)(const struct stat&) = nullptr);

// The directory that a file is in; "." for a name alone.
std::string DirectoryOf(const std::string& path);

}  // namespace fsubs
