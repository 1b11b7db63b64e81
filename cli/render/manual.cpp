#include "cli/render/manual.hpp"

#include <fmt/core.h>

#include "cli/render/exit_codes.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

/// Text that mdoc(7) takes for itself is made plain.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\\' ? std::string("\\e") : std::string(1, c);
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

/// An argument of a macro: words that are names of macros would be run.
std::string argument(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '"' ? std::string("\"\"") : c == '\\' ? std::string("\\e") : std::string(1, c);
  return "\"" + out + "\"";
}

std::string flags_of(const OptionSpec& option) {
  std::string line = ".It";
  for (std::size_t i = 0; i < option.names.size(); ++i) {
    line += (i == 0 ? " Fl " : " , Fl ") + option.names[i].substr(1);
    if (i + 1 == option.names.size() && option.takes_value)
      line += " Ar " + argument(option.value_name.empty() ? "VALUE" : option.value_name);
  }
  return line + "\n";
}

std::string list_of(const std::vector<OptionSpec>& options) {
  if (options.empty()) return {};
  std::string text = ".Bl -tag -width Ds\n";
  for (const OptionSpec& option : options) text += flags_of(option) + plain(option.text) + ".\n";
  return text + ".El\n";
}

std::string verbs_of(const VerbSpec& verb) {
  std::string text;
  for (const VerbSpec& sub : verb.verbs) {
    std::string title = sub.path;
    for (const PlaceSpec& place : sub.places)
      title += " " + std::string(place.required ? "" : "[") + place.name + (place.repeats ? " ..." : "") +
               (place.required ? "" : "]");
    text += ".Ss " + argument(title) + "\n" + plain(sub.text) + ".\n";
    for (const PlaceSpec& place : sub.places)
      if (!place.text.empty()) text += ".Pp\n.Ar " + argument(place.name) + " :\n" + plain(place.text) + ".\n";
    std::vector<OptionSpec> own;
    for (const OptionSpec& option : sub.options)
      if (option.names.back() != "--help") own.push_back(option);
    text += list_of(own);
    if (!sub.footer.empty()) {
      text += ".Bd -literal -offset indent\n";
      for (const std::string& line : split(sub.footer, '\n')) text += plain(line) + "\n";
      text += ".Ed\n";
    }
    text += verbs_of(sub);
  }
  return text;
}

std::string exit_codes() {
  std::string text = ".Bl -tag -width 130x\n";
  for (const ExitCode& row : kExitCodes) text += fmt::format(".It {}\n{}\n", row.code, row.meaning);
  return text + ".El\n";
}

std::string errors() {
  std::string text = ".Bl -column \"unauthenticated\" \"HTTP\" \"Exit\"\n.It Sy code Ta Sy HTTP Ta Sy exit\n";
  for (const ErrorTraits& row : kErrorTable)
    text += fmt::format(".It Li {} Ta {} Ta {}\n", row.name, row.http_status, row.exit_code);
  return text + ".El\n";
}

}  // namespace

std::string manual_page(std::string_view page, const VerbSpec& program) {
  std::string text;
  for (const std::string& line : split(page, '\n')) {
    if (line == "@VERBS@")
      text += verbs_of(program);
    else if (line == "@OPTIONS@")
      text += list_of(program.options);
    else if (line == "@EXIT_CODES@")
      text += exit_codes();
    else if (line == "@ERRORS@")
      text += errors();
    else
      text += line + "\n";
  }
  text.pop_back();
  return text;
}

}  // namespace decom::cli
