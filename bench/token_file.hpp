// Files with a token a line.
#pragma once

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace fsubs::bench {

// Returns an empty one alone, which stands for none, if there is no file to read.
inline std::vector<std::string> ReadTokens(const std::string& path) {
  if (path.empty()) return {""};
  std::ifstream file(path);
  std::vector<std::string> tokens;
  for (std::string line; std::getline(file, line);) tokens.push_back(std::move(line));
  if (tokens.empty()) throw std::runtime_error("there are no tokens in " + path);
  return tokens;
}

}  // namespace fsubs::bench
