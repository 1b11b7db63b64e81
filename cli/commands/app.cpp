#include <algorithm>
#include <sstream>

#include <CLI/CLI.hpp>

#include "cli/client/paths.hpp"
#include "cli/commands/verbs.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

/// Help as manual pages write it: what a place or a value is called, its default, and nothing of how it is checked.
class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() {
    column_width(36);
    label("SUBCOMMAND", "VERB");
    label("SUBCOMMANDS", "VERBS");
    label("Positionals", "Arguments");
  }

  std::string make_option_name(const CLI::Option* option, bool positional) const override {
    return positional ? option->get_type_name() : option->get_name(false, true);
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text;
    if (!option->get_positional() && option->get_items_expected_max() > 0) text = " " + option->get_type_name();
    if (!option->get_default_str().empty()) text += " (" + option->get_default_str() + ")";
    if (option->get_items_expected_max() > 1) text += " ...";
    return text;
  }
};

std::vector<std::string> names_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App* a) { return !a->get_group().empty(); }))
    names.push_back(verb->get_name());
  return names;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent())
    for (const CLI::Option* option : at->get_options())
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

void name_verbs(CLI::App& app) {
  for (CLI::App* verb : app.get_subcommands([](CLI::App* a) { return !a->get_group().empty(); })) {
    verb->group("Verbs");
    name_verbs(*verb);
  }
}

/// The verb that the command line got to.
const CLI::App& deepest(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

std::string suggestion(const CLI::App& verb, const std::string& word) {
  if (word.starts_with("-")) {
    const std::string name = word.substr(0, word.find('='));
    const auto near = nearest(name, options_of(verb), 1);
    std::string text = "there is no option " + safe_for_terminal(name);
    if (!near.empty()) text += "; did you mean " + near.front() + "?";
    return text;
  }
  const auto verbs = names_of(verb);
  if (verbs.empty()) return "'" + safe_for_terminal(word) + "' is one word too many";
  const auto near = nearest(word, verbs, 1);
  std::string text = "there is no verb '" + safe_for_terminal(word) + "'";
  if (!near.empty()) text += "; did you mean '" + near.front() + "'?";
  return text;
}

void add_verbs(CLI::App& app, Context& ctx) {
  app.require_subcommand(1);
  app.fallthrough();
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_help_flag("-h,--help", "Print help and exit");
  app.set_version_flag("--version", "decomctl " DECOM_VERSION);
  const Verb program{app, ctx};
  program
      .option("--socket", ctx.settings.socket,
              "Where decomd listens; else DECOMCTL_SOCKET, else " + std::string(kDefaultSocket))
      .type_name("PATH")
      .completes(ValueSpec::Kind::file);
  program.option("--timeout", ctx.settings.timeout, "How long one call may take").type_name("TIME").shows_default();
  program.flag("--no-color", ctx.settings.no_color, "No colours, as with NO_COLOR");
  program.footer(
      "Every verb has --help with examples. Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 denied,\n"
      "5 decomd not reached, 6 cancelled, 7 some failed, 8 needs attention. See decomctl(1).");
  for (const auto add :
       {add_search,  add_show,   add_records, add_plan,   add_submit, add_list,    add_status, add_watch,
        add_cancel,  add_retry,  add_resolve, add_login,  add_logout, add_whoami,  add_token,  add_steps,
        add_notices, add_freeze, add_thaw,    add_doctor, add_api,    add_describe})
    add(program, ctx);
  name_verbs(app);
}

/// The nearest verb or option, and where help is.
std::string usage_text(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& verb = deepest(app);
  std::string text = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const auto extras = app.remaining(true);
    const auto option = std::ranges::find_if(extras, [](const std::string& e) { return e.starts_with('-'); });
    if (!extras.empty()) text = suggestion(verb, option != extras.end() && &verb != &app ? *option : extras.front());
  } else if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && verb.get_subcommands().empty() &&
             !names_of(verb).empty()) {
    const auto extras = app.remaining(true);
    text = extras.empty() ? "a verb is missing: " + join(names_of(verb), ", ") : suggestion(verb, extras.front());
  }
  std::vector<std::string> path;
  for (const CLI::App* at = &verb; at != nullptr; at = at->get_parent()) path.insert(path.begin(), at->get_name());
  return "decomctl: " + text + "\nSee '" + join(path, " ") + " --help'.\n";
}

}  // namespace

std::optional<int> parse_line(int argc, const char* const* argv, Context& ctx) {
  const auto app =
      std::make_shared<CLI::App>("Retires virtual machines and what other systems know of them", "decomctl");
  add_verbs(*app, ctx);
  try {
    app->parse(argc, argv);
  } catch (const CLI::Success& e) {
    std::ostringstream text;  // --help, --version
    app->exit(e, text, text);
    ctx.run = [&ctx, text = text.str()] {
      ctx.print(text);
      return 0;
    };
    return std::nullopt;
  } catch (const CLI::ParseError& e) {
    ctx.note(usage_text(*app, e));
    return traits(ErrorCode::usage).exit_code;
  }
  ctx.run = [app, verb = std::move(ctx.run)] { return verb(); };  // a verb may ask the app itself
  return std::nullopt;
}

}  // namespace decom::cli
