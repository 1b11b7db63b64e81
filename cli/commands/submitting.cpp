#include "cli/commands/submitting.hpp"

#include "cli/render/times.hpp"

namespace decom::cli {

void PlanOptions::add(const Verb& verb) {
  verb.option("machines", machines, "Names that are unique, or ids such as lab:vm-123; - reads them from stdin")
      .type_name("VM")
      .completes(ValueSpec::Kind::machine);
  verb.option("-f,--file", file, "Read machines from a file, one a line, # begins a comment")
      .type_name("FILE")
      .completes(ValueSpec::Kind::file);
  verb.option("--reason", reason, "Why; kept with the request").type_name("TEXT");
  verb.option("--ticket", ticket, "Number of a change or ticket; kept with the request").type_name("TEXT");
  verb.option("--shutdown-timeout", shutdown_timeout, "How long the guest may take to shut down")
      .type_name("TIME")
      .shows_default();
  verb.flag("--no-guest-shutdown", no_guest_shutdown, "Power off at once, without asking the guest");
  verb.option("--skip", skip, "Leave out a step of the plan; may be repeated")
      .type_name("STEP")
      .one_a_time()
      .separated_by_commas();
  verb.flag("--records-only", records_only,
            "Of machines that were retired already: remove what other systems still hold of them");
  verb.option("--at", at, "Not before this time: 2h, 'tomorrow 06:00', RFC 3339").type_name("TIME");
}

api::Options to_api(const PlanOptions& options, Timestamp now) {
  api::Options api;
  api.reason = options.reason;
  api.ticket = options.ticket;
  api.shutdown_timeout_s = std::chrono::ceil<std::chrono::seconds>(parse_duration(options.shutdown_timeout)).count();
  api.guest_shutdown = !options.no_guest_shutdown;
  api.skip = options.skip;
  api.records_only = options.records_only;
  if (!options.at.empty()) api.not_before = to_rfc3339(parse_moment(options.at, Direction::future, now));
  return api;
}

}  // namespace decom::cli
