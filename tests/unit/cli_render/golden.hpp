#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <doctest/doctest.h>

/// Holds `text` against tests/golden/cli/NAME. With DECOM_GOLDEN=write it writes the file instead: look at the diff.
inline void check_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(DECOM_SOURCE_DIR "/tests/golden/cli/") + name;
  if (const char* mode = std::getenv("DECOM_GOLDEN"); mode != nullptr && std::string(mode) == "write")
    std::ofstream(path, std::ios::binary) << text;
  std::ifstream in(path, std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(in), {}};
  CAPTURE(name);
  CHECK(text == golden);
}
