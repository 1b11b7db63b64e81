#include "cli/render/problem.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/base/text.hpp"

namespace decom::cli {
namespace {

struct Place {
  std::size_t offset = 0;
  std::size_t length = 0;
};

std::optional<Place> place_of(const std::string& where, const std::string& query) {
  const auto colon = where.find(':');
  if (colon == std::string::npos) return std::nullopt;
  Place place;
  const char* const begin = where.data();
  const char* const middle = begin + colon;
  const char* const end = begin + where.size();
  const auto first = std::from_chars(begin, middle, place.offset);
  const auto second = std::from_chars(middle + 1, end, place.length);
  if (first.ec != std::errc{} || first.ptr != middle || second.ec != std::errc{} || second.ptr != end)
    return std::nullopt;
  if (place.offset > query.size()) return std::nullopt;
  place.length = std::min(place.length, query.size() - place.offset);
  return place;
}

/// Lines of a message are the daemon's own; everything else in it is escaped.
std::string safe_lines(std::string_view text, std::string_view indent) {
  std::string safe;
  for (const std::string& line : split(text, '\n'))
    safe += (safe.empty() ? std::string{} : "\n" + std::string(indent)) + safe_for_terminal(line);
  return safe;
}

}  // namespace

std::string render_error(const Error& error, const std::string& query, const Style& style) {
  std::string text = "decomctl: " + painted(style, Color::red, safe_lines(error.what(), "")) + "\n";
  for (const Finding& finding : error.findings()) {
    const auto place = query.empty() ? std::nullopt : place_of(finding.where, query);
    if (place) {
      const std::string_view whole = query;
      const std::string before = safe_for_terminal(whole.substr(0, place->offset));
      const std::string marked = safe_for_terminal(whole.substr(place->offset, place->length));
      text += "  " + safe_for_terminal(query) + "\n  " + std::string(display_width(before), ' ') +
              painted(style, Color::red, "^" + std::string(std::max<std::size_t>(display_width(marked), 1) - 1, '~')) +
              "\n";
      if (std::string_view(error.what()).find(finding.what) == std::string_view::npos)
        text += "  " + safe_lines(finding.what, "  ") + "\n";
    } else {
      text += "  " + (finding.where.empty() ? std::string{} : safe_for_terminal(finding.where) + ": ") +
              safe_lines(finding.what, "    ") + "\n";
    }
  }
  return text;
}

}  // namespace decom::cli
