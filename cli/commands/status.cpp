#include <algorithm>

#include "cli/commands/listing.hpp"
#include "cli/commands/machines.hpp"
#include "cli/commands/stories.hpp"
#include "cli/commands/verbs.hpp"
#include "cli/render/requests.hpp"

namespace decom::cli {
namespace {

struct StatusOptions {
  std::string request;
  OutputOptions output;
};

/// Every live request with a line a machine.
int live_ones(const StatusOptions& options, Context& ctx) {
  constexpr std::size_t kMost = 50;
  const Client client = ctx.client();
  const Json page = client.get("/v1/requests", {{"live", "true"}, {"limit", std::to_string(kMost)}});
  Json requests = Json::array();
  for (const Json& row : page.at("items"))
    requests.push_back(client.get("/v1/requests/" + std::to_string(row.at("id").get<std::int64_t>())));
  if (options.output.print_value(ctx, requests)) return 0;
  std::string text;
  for (const Json& request : requests)
    text += (text.empty() ? "" : "\n") + request_summary(request.get<api::Request>(), ctx.now(), ctx.out());
  ctx.print(text);
  if (requests.empty()) ctx.note("nothing is under way; 'decomctl list' shows what was\n");
  if (page.contains("next") && page["next"].is_string())
    ctx.note(fmt::format("the newest {} requests; all with 'decomctl list --live --all'\n", kMost));
  return 0;
}

int status(const StatusOptions& options, Context& ctx) {
  if (options.request.empty()) return live_ones(options, ctx);
  return show_request(parse_request_ref(options.request), options.output, ctx);
}

}  // namespace

int show_request(const RequestRef& ref, const OutputOptions& output, Context& ctx) {
  const Json answer = ctx.client().get("/v1/requests/" + std::to_string(ref.request));
  if (!ref.machine) {
    if (!output.print_value(ctx, answer)) ctx.print(request_story(answer.get<api::Request>(), ctx.now(), ctx.out()));
    return 0;
  }
  const std::string id = ref.machine_id();
  const Json& machines = answer.at("machines");
  const auto machine = std::ranges::find_if(machines, [&](const Json& m) { return m.at("id") == id; });
  if (machine == machines.end())
    throw Error{ErrorCode::not_found, "request {} has no machine {}: it has {}", ref.request, *ref.machine,
                machines.size()};
  if (!output.print_value(ctx, *machine))
    ctx.print(
        machine_of_request_story(answer.get<api::Request>(), machine->get<api::Decommission>(), ctx.now(), ctx.out()));
  return 0;
}

void add_status(const Verb& program, Context& ctx) {
  auto options = std::make_shared<StatusOptions>();
  const Verb verb = program.verb("status", "Tell the whole story of a request, or what is under way");
  verb.option("request", options->request, "17, or 17.3 for its third machine; without it, all live ones")
      .type_name("REQUEST")
      .completes(ValueSpec::Kind::request);
  options->output.add(verb, {"table", "json"});
  verb.footer("Examples:\n  decomctl status\n  decomctl status 17\n  decomctl status 17.3 -o json");
  verb.run([options, &ctx] { return status(*options, ctx); });
}

}  // namespace decom::cli
