#include <fstream>
#include <iterator>

#include <CLI/CLI.hpp>

#include "cli/commands/verbs.hpp"
#include "cli/render/completion.hpp"
#include "cli/render/manual.hpp"
#include "cli/render/output.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

bool is_hidden(const CLI::App& app) { return app.get_group().empty(); }

VerbSpec describe(const CLI::App& app, const Context& ctx, const std::string& path) {
  VerbSpec verb{path, app.get_description(), app.get_footer(), {}, {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    const auto hint = ctx.values.find(option);
    const ValueSpec values = hint == ctx.values.end() ? ValueSpec{} : hint->second;
    if (option->get_positional()) {
      verb.places.push_back({option->get_type_name(), option->get_required(), option->get_items_expected_max() > 1,
                             option->get_description(), values});
      continue;
    }
    OptionSpec spec{
        {}, option->get_items_expected_max() > 0, option->get_type_name(), option->get_description(), values};
    for (const std::string& name : option->get_snames()) spec.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) spec.names.push_back("--" + name);
    verb.options.push_back(std::move(spec));
  }
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!is_hidden(*sub))
      verb.verbs.push_back(describe(*sub, ctx, path.empty() ? sub->get_name() : path + " " + sub->get_name()));
  return verb;
}

std::string text_for(const std::string& what, const std::string& file, const VerbSpec& program) {
  if (what == "bash") return bash_completion(program);
  if (what == "zsh") return zsh_completion(program);
  if (what == "fish") return fish_completion(program);
  std::ifstream in(file);
  if (!in) throw Error{ErrorCode::usage, "cannot read {}", file};
  return manual_page(std::string{std::istreambuf_iterator<char>(in), {}}, program);
}

/// What a shell asks for while somebody types: quick, and silent when it cannot be had.
int complete(const std::string& kind, const std::string& word, Context& ctx) {
  constexpr std::size_t kMost = 100;
  ctx.settings.timeout = "2s";
  const bool machine = kind == "machine";
  try {
    const bool id = word.find(':') != std::string::npos;
    const Query query{{"q", machine && !id && !word.empty() ? "name:" + word + "*" : ""},
                      {"live", machine ? "" : "true"},
                      {"limit", std::to_string(kMost)}};
    const Json page = ctx.client().get(machine ? "/v1/vms" : "/v1/requests", query);
    for (const std::string& value : split(as_lines(machine && !id ? "name" : "id", page.at("items")), '\n'))
      if (!value.empty() && value.starts_with(word) &&
          value.find_first_of(" \\'\"$`;&|<>()*?[]{}!#") == std::string::npos)
        ctx.print(value + "\n");  // a name that a shell would take apart is better typed by hand
  } catch (const Error&) {
    return 1;
  }
  return 0;
}

}  // namespace

void add_describe(const Verb& program, Context& ctx) {
  auto what = std::make_shared<std::string>();
  auto file = std::make_shared<std::string>();
  const Verb verb = program.hidden_verb("__describe", "Completions and the manual, made from the verbs");
  verb.option("what", *what).required().one_of({"bash", "zsh", "fish", "manual"});
  verb.option("template", *file);
  verb.run([what, file, program, &ctx] {
    ctx.print(text_for(*what, *file, describe(program.app(), ctx, "")));
    return 0;
  });

  auto kind = std::make_shared<std::string>();
  auto word = std::make_shared<std::string>();
  const Verb values = program.hidden_verb("__complete", "What a shell may complete a word to");
  values.option("kind", *kind).required().one_of({"machine", "request"});
  values.option("word", *word);
  values.run([kind, word, &ctx] { return complete(*kind, *word, ctx); });
}

}  // namespace decom::cli
