#include "cli/commands/follow.hpp"
#include "cli/commands/machines.hpp"
#include "cli/commands/verbs.hpp"

namespace decom::cli {
namespace {

struct WatchOptions {
  std::vector<std::string> requests;
  bool log = false;
  std::string output = "table";
  std::optional<std::int64_t> since;
};

int watch(const WatchOptions& options, Context& ctx) {
  Follow what;
  for (const std::string& text : options.requests) {
    const RequestRef ref = parse_request_ref(text);
    if (std::ranges::find(what.requests, ref.request) == what.requests.end()) what.requests.push_back(ref.request);
    if (ref.machine) what.machines.push_back(ref.machine_id());
  }
  what.since = options.since;
  if (options.output == "ndjson")
    what.show = Follow::Show::ndjson;
  else if (options.output == "lines")
    what.show = Follow::Show::lines;
  else
    what.show = options.log ? Follow::Show::log : Follow::Show::live;
  return follow(ctx, what);
}

}  // namespace

void add_watch(const Verb& program, Context& ctx) {
  auto options = std::make_shared<WatchOptions>();
  const Verb verb = program.verb("watch", "Follow requests live until they have settled");
  verb.option("request", options->requests, "17, or 17.3 for its third machine; without any, everything, until Ctrl-C")
      .type_name("REQUEST")
      .completes(ValueSpec::Kind::request);
  verb.flag("--log", options->log, "Let events scroll by above the picture");
  verb.option("--since", options->since, "Show first what happened behind this event number; 0 is the beginning")
      .type_name("NUMBER")
      .check([](const std::string& text) {
        return text.find_first_not_of("0123456789") == std::string::npos
                   ? std::string{}
                   : "'" + text + "' is not the number of an event";
      });
  verb.option("-o,--output", options->output, "How to print").shows_default().one_of({"table", "lines", "ndjson"});
  verb.footer(
      "On a terminal, a picture that moves; in a pipe, one event a line. Ctrl-C detaches and stops nothing (exit "
      "130).\n"
      "Exit code once all have settled: 0 done, 8 needs attention, 7 some failed, 1 failed, 6 cancelled.\n\n"
      "Examples:\n"
      "  decomctl watch 17\n"
      "  decomctl watch 17 --log\n"
      "  decomctl watch 17.3 --since 0 -o ndjson");
  verb.run([options, &ctx] { return watch(*options, ctx); });
}

}  // namespace decom::cli
