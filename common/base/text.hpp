#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace decom {

/// Text from outside, made safe for a terminal or a log line: C0, DEL, C1, bidirectional controls, line and paragraph
/// separators and bytes that are not UTF-8 become \xNN or \u{NNNN}. (kubectl's CVE-2021-25743 is why.)
std::string safe_for_terminal(std::string_view text);

/// Columns that `text` takes on a terminal; `text` has gone through `safe_for_terminal`.
std::size_t display_width(std::string_view text);
/// Cut to `columns`, with an ellipsis where something was cut off.
std::string fit(std::string_view text, std::size_t columns);
/// As lines of `columns` at most, at least one, broken at blanks where there are any. 0 columns: one line.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns);

bool is_valid_utf8(std::string_view text);
/// ASCII letters to lower case; other bytes stay. Names of machines, hosts, UUIDs and query words are folded by it.
std::string folded(std::string_view text);
bool equals_folded(std::string_view a, std::string_view b);

std::string_view trimmed(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// Up to `most` of `candidates` that a person may have meant by `word`, nearest first (edit distance).
std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates,
                                 std::size_t most = 3);

}  // namespace decom
