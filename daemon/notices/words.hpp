#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "daemon/notices/notice.hpp"

namespace decom::notices {

/// A notice as people read it; all that came from outside is written for `markup`.
struct Words {
  std::string title;
  std::vector<std::string> lines;
};
Words words_of(const Notice& notice, Markup markup);

/// How many machines a message names; the others are counted.
inline constexpr std::size_t kMostNames = 20;

/// What is typed to see more.
std::string how_to_look(const Notice& notice);

/// "failed, 3 machines": what became of it, in one word for programs to sort by: info, warning or error.
std::string_view level_of(const Notice& notice);

}  // namespace decom::notices
