#include "cli/render/completion.hpp"

#include <functional>

#include "common/base/text.hpp"

namespace decom::cli {
namespace {

using Kind = ValueSpec::Kind;

void for_each(const VerbSpec& verb, const std::function<void(const VerbSpec&)>& body) {
  body(verb);
  for (const VerbSpec& sub : verb.verbs) for_each(sub, body);
}

std::string last_word(const std::string& path) { return path.substr(path.rfind(' ') + 1); }

std::string names_of(const std::vector<VerbSpec>& verbs) {
  std::vector<std::string> names;
  for (const VerbSpec& verb : verbs) names.push_back(last_word(verb.path));
  return join(names, " ");
}

/// For a single-quoted word of a shell.
std::string single_quoted(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return "'" + out + "'";
}

/// What the shell function `_decomctl_values` is given: "words a b", "file", "machine", "none".
std::string how(const ValueSpec& values) {
  switch (values.kind) {
    case Kind::none: return "none";
    case Kind::words: return "words " + join(values.words, " ");
    case Kind::machine: return "machine";
    case Kind::request: return "request";
    case Kind::file: return "file";
  }
  return "none";
}

}  // namespace

std::string dynamic_name(ValueSpec::Kind kind) {
  if (kind == Kind::machine) return "machine";
  return kind == Kind::request ? "request" : "";
}

std::string bash_completion(const VerbSpec& program) {
  std::string verbs;
  std::string options;
  std::string values;
  std::string places;
  for_each(program, [&](const VerbSpec& verb) {
    const std::string label = single_quoted(verb.path);
    if (!verb.verbs.empty()) verbs += "    " + label + ") echo " + single_quoted(names_of(verb.verbs)) + " ;;\n";
    std::vector<std::string> names;
    std::vector<const OptionSpec*> all;
    for (const OptionSpec& option : verb.options) all.push_back(&option);
    if (!verb.path.empty())
      for (const OptionSpec& option : program.options) all.push_back(&option);
    for (const OptionSpec* option : all) {
      names.push_back(option->names.back());
      if (!option->takes_value) continue;
      std::vector<std::string> labels;
      for (const std::string& name : option->names) labels.push_back(single_quoted(verb.path + "|" + name));
      values += "    " + join(labels, " | ") + ") echo " + single_quoted(how(option->values)) + " ;;\n";
    }
    options += "    " + label + ") echo " + single_quoted(join(names, " ")) + " ;;\n";
    if (!verb.places.empty())
      places += "    " + label + ") echo " + single_quoted(how(verb.places.front().values)) + " ;;\n";
  });
  return "# bash completion of decomctl; made from the program itself\n"
         "_decomctl_verbs() {\n  case $1 in\n" +
         verbs +
         "  esac\n}\n"
         "_decomctl_options() {\n  case $1 in\n" +
         options +
         "  esac\n}\n"
         "_decomctl_value_of() {\n  case $1 in\n" +
         values +
         "  esac\n}\n"
         "_decomctl_place() {\n  case $1 in\n" +
         places + "  esac\n}\n" +
         R"bash(_decomctl() {
  local current=${COMP_WORDS[COMP_CWORD]} path='' word skip='' i kind
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ -n $skip ]]; then
      skip=''
    elif [[ $word == -* ]]; then
      [[ -n $(_decomctl_value_of "$path|$word") ]] && skip=1
    elif [[ " $(_decomctl_verbs "$path") " == *" $word "* ]]; then
      path=${path:+$path }$word
    fi
  done
  if [[ -n $skip ]]; then
    kind=$(_decomctl_value_of "$path|${COMP_WORDS[COMP_CWORD - 1]}")
  elif [[ $current == -* ]]; then
    kind="words $(_decomctl_options "$path")"
  elif [[ -n $(_decomctl_verbs "$path") ]]; then
    kind="words $(_decomctl_verbs "$path")"
  else
    kind=$(_decomctl_place "$path")
  fi
  case $kind in
    words*) mapfile -t COMPREPLY < <(compgen -W "${kind#words }" -- "$current") ;;
    file) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    machine | request) mapfile -t COMPREPLY < <(decomctl __complete "$kind" "$current" 2>/dev/null) ;;
  esac
}
complete -F _decomctl decomctl
)bash";
}

std::string zsh_completion(const VerbSpec& program) {
  const auto bracketed = [](std::string_view text) {  // what _arguments takes inside [ ] and behind :
    std::string out;
    for (const char c : text)
      out += (c == '[' || c == ']' || c == ':' || c == '\\') ? std::string{'\\', c} : std::string{c};
    return out;
  };
  const auto action = [](const ValueSpec& values) -> std::string {
    switch (values.kind) {
      case Kind::none: return " ";
      case Kind::words: return "(" + join(values.words, " ") + ")";
      case Kind::file: return "_files";
      case Kind::machine: return "_decomctl_ask machine";
      case Kind::request: return "_decomctl_ask request";
    }
    return " ";
  };
  const auto arguments = [&](const std::vector<OptionSpec>& options) {
    std::string text;
    for (const OptionSpec& option : options) {
      std::string spec = option.names.size() == 1 ? "'" + option.names.front() : "{" + join(option.names, ",") + "}'";
      spec += "[" + bracketed(option.text) + "]";
      if (option.takes_value)
        spec += ":" + bracketed(option.value_name.empty() ? "VALUE" : option.value_name) + ":" + action(option.values);
      std::string escaped;
      const std::size_t head = spec.find('\'') + 1;
      for (std::size_t i = 0; i < spec.size(); ++i)
        escaped += i >= head && spec[i] == '\'' ? std::string("'\\''") : std::string(1, spec[i]);
      text += " \\\n    " + escaped + "'";
    }
    return text;
  };
  const auto function_of = [](std::string path) {
    for (char& c : path) c = c == ' ' ? '_' : c;
    return path.empty() ? std::string("_decomctl_program") : "_decomctl_verb_" + path;
  };
  std::string functions;
  for_each(program, [&](const VerbSpec& verb) {
    const std::string name = function_of(verb.path);
    std::string body =
        name + "() {\n  local curcontext=$curcontext state line\n  _arguments -C" + arguments(verb.options);
    if (!verb.path.empty()) body += arguments(program.options);
    if (!verb.verbs.empty()) {
      body += " \\\n    '1: :->verb' \\\n    '*:: :->rest'\n  case $state in\n    verb)\n      local -a verbs=(\n";
      for (const VerbSpec& sub : verb.verbs) {
        std::string described;
        for (const char c : sub.text) described += c == ':' ? std::string("\\:") : std::string(1, c);
        body += "        " + single_quoted(last_word(sub.path) + ":" + described) + "\n";
      }
      body += "      )\n      _describe verb verbs ;;\n    rest)\n      case $words[1] in\n";
      for (const VerbSpec& sub : verb.verbs) {
        body += "        " + last_word(sub.path) + ") " + function_of(sub.path) + " ;;\n";
      }
      body += "      esac ;;\n  esac\n}\n";
    } else {
      for (const PlaceSpec& place : verb.places)
        body += " \\\n    '" + std::string(place.repeats ? "*" : "") + ":" + bracketed(place.name) + ":" +
                action(place.values) + "'";
      body += "\n}\n";
    }
    functions += body;
  });
  return "#compdef decomctl\n# zsh completion of decomctl; made from the program itself\n"
         "_decomctl_ask() {\n  local -a found=(${(f)\"$(decomctl __complete $1 \"$PREFIX\" 2>/dev/null)\"})\n"
         "  compadd -a found\n}\n" +
         functions + "_decomctl_program \"$@\"\n";
}

std::string fish_completion(const VerbSpec& program) {
  std::string text = "# fish completion of decomctl; made from the program itself\ncomplete -c decomctl -f\n";
  const auto values = [](const ValueSpec& spec) -> std::string {
    switch (spec.kind) {
      case Kind::none: return "";
      case Kind::words: return " -a " + single_quoted(join(spec.words, " "));
      case Kind::file: return " -F";
      case Kind::machine:
      case Kind::request:
        return " -a " +
               single_quoted("(decomctl __complete " + dynamic_name(spec.kind) + " (commandline -ct) 2>/dev/null)");
    }
    return "";
  };
  for_each(program, [&](const VerbSpec& verb) {
    std::string condition;
    if (!verb.path.empty()) {
      std::vector<std::string> seen;
      for (const std::string& word : split(verb.path, ' ')) seen.push_back("__fish_seen_subcommand_from " + word);
      condition = join(seen, "; and ");
    }
    std::string without = condition;
    if (!verb.verbs.empty())
      without +=
          (without.empty() ? "" : "; and ") + std::string("not __fish_seen_subcommand_from ") + names_of(verb.verbs);
    for (const VerbSpec& sub : verb.verbs)
      text += "complete -c decomctl -n " + single_quoted(without) + " -a " + last_word(sub.path) + " -d " +
              single_quoted(sub.text) + "\n";
    for (const OptionSpec& option : verb.options) {
      std::string line = "complete -c decomctl";
      if (!condition.empty()) line += " -n " + single_quoted(condition);
      for (const std::string& name : option.names)
        line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (option.takes_value) line += " -r" + values(option.values);
      text += line + " -d " + single_quoted(option.text) + "\n";
    }
    if (!verb.places.empty() && verb.places.front().values.kind != Kind::none)
      text += "complete -c decomctl -n " + single_quoted(condition) + values(verb.places.front().values) + "\n";
  });
  return text;
}

}  // namespace decom::cli
