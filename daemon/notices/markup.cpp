#include "daemon/notices/markup.hpp"

#include "common/base/text.hpp"

namespace decom::notices {
namespace {

/// Behind an @ it keeps "everyone" from being a mention, wherever that is looked for in the text itself.
constexpr std::string_view kZeroWidthSpace = "\u200B";

/// "&", "<" and ">" are all that Slack takes for its own: a mention of a channel is "<!channel>", a link "<url|text>"
/// (api.slack.com, "Formatting text for app surfaces").
std::string for_slack(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '@':
        out += c;
        out += kZeroWidthSpace;
        break;
      default: out += c;
    }
  }
  return out;
}

/// Any ASCII punctuation may stand behind a backslash (CommonMark, section 2.4), and Discord and Teams follow.
std::string for_markdown(std::string_view text) {
  constexpr std::string_view kSyntax = "\\`*_{}[]()<>#+-!|~:";
  std::string out;
  for (const char c : text) {
    if (kSyntax.find(c) != std::string_view::npos) out += '\\';
    out += c;
    if (c == '@') out += kZeroWidthSpace;
  }
  return out;
}

}  // namespace

std::string written(std::string_view text, Markup markup, std::size_t most) {
  std::string safe = fit(safe_for_terminal(text), most);
  switch (markup) {
    case Markup::plain: return safe;
    case Markup::slack: return for_slack(safe);
    case Markup::discord:
    case Markup::markdown: return for_markdown(safe);
  }
  return safe;
}

}  // namespace decom::notices
