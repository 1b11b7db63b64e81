#include "cli/commands/submitting.hpp"

#include "cli/render/times.hpp"

namespace decom::cli {

void PlanOptions::add(CLI::App& verb, Context& ctx) {
  ctx.complete_with(
      verb.add_option("machines", machines, "Names that are unique, or ids such as lab:vm-123; - reads them from stdin")
          ->type_name("VM"),
      ValueSpec::Kind::machine);
  ctx.complete_with(verb.add_option("-f,--file", file, "Read machines from a file, one a line, # begins a comment")
                        ->type_name("FILE"),
                    ValueSpec::Kind::file);
  verb.add_option("--reason", reason, "Why; kept with the request")->type_name("TEXT");
  verb.add_option("--ticket", ticket, "Number of a change or ticket; kept with the request")->type_name("TEXT");
  verb.add_option("--shutdown-timeout", shutdown_timeout, "How long the guest may take to shut down")
      ->type_name("TIME")
      ->capture_default_str();
  verb.add_flag("--no-guest-shutdown", no_guest_shutdown, "Power off at once, without asking the guest");
  verb.add_option("--skip", skip, "Leave out a step of the plan; may be repeated")
      ->type_name("STEP")
      ->allow_extra_args(false)
      ->delimiter(',');
  verb.add_option("--at", at, "Not before this time: 2h, 'tomorrow 06:00', RFC 3339")->type_name("TIME");
}

api::Options to_api(const PlanOptions& options, Timestamp now) {
  api::Options api;
  api.reason = options.reason;
  api.ticket = options.ticket;
  api.shutdown_timeout_s = std::chrono::ceil<std::chrono::seconds>(parse_duration(options.shutdown_timeout)).count();
  api.guest_shutdown = !options.no_guest_shutdown;
  api.skip = options.skip;
  if (!options.at.empty()) api.not_before = to_rfc3339(parse_moment(options.at, Direction::future, now));
  return api;
}

}  // namespace decom::cli
