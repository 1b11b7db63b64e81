#include "cli/commands/machines.hpp"
#include "cli/commands/stories.hpp"
#include "cli/commands/verbs.hpp"
#include "cli/render/machines.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

struct ShowOptions {
  std::string what;
  OutputOptions output;
};

/// By its id, or by a name that only one machine has.
Json find_machine(const Client& client, const std::string& what) {
  if (what.find(':') != std::string::npos) return client.get("/v1/vms/" + percent_encoded(what));
  std::string quoted;
  for (const char c : what) quoted += (c == '"' || c == '\\') ? std::string{'\\', c} : std::string{c};
  const Json page = client.get("/v1/vms", {{"q", "name:\"" + quoted + "\""}, {"limit", "1000"}});
  Json hits = Json::array();
  std::vector<std::string> others;
  for (const Json& item : page.at("items")) {
    if (equals_folded(item.at("name").get<std::string>(), what))
      hits.push_back(item);
    else
      others.push_back(item.at("name").get<std::string>());
  }
  if (hits.size() == 1) return client.get("/v1/vms/" + percent_encoded(hits.front().at("id").get<std::string>()));
  std::vector<Finding> findings;
  for (const Json& hit : hits) findings.push_back({hit.at("id").get<std::string>(), hit.value("folder", "")});
  if (hits.size() > 1)
    throw Error{ErrorCode::ambiguous, fmt::format("{} machines are named '{}'; say which", hits.size(), what),
                findings};
  for (const std::string& near : nearest(what, others)) findings.push_back({"", "did you mean " + near + "?"});
  throw Error{ErrorCode::not_found, fmt::format("no machine is named '{}'; try 'decomctl search {}'", what, what),
              findings};
}

int show(const ShowOptions& options, Context& ctx) {
  if (const auto ref = request_ref(options.what)) return show_request(*ref, options.output, ctx);
  const Json answer = find_machine(ctx.client(), options.what);
  if (!options.output.print_value(ctx, answer)) ctx.print(machine_story(answer.get<api::Machine>(), ctx.out()));
  return 0;
}

}  // namespace

void add_show(CLI::App& app, Context& ctx) {
  auto options = std::make_shared<ShowOptions>();
  auto* verb = app.add_subcommand("show", "Show all that is known of a machine or of a request");
  ctx.complete_with(
      verb->add_option("what", options->what, "A name that is unique, an id such as lab:vm-123, or a request: 17, 17.3")
          ->required()
          ->type_name("VM|REQUEST"),
      ValueSpec::Kind::machine);
  options->output.add(*verb, ctx, {"table", "json"});
  verb->footer("Examples:\n  decomctl show web-prod-01\n  decomctl show lab:vm-123 -o json\n  decomctl show 17.3");
  verb->callback([options, &ctx] { ctx.run = [options, &ctx] { return show(*options, ctx); }; });
}

}  // namespace decom::cli
