#include <algorithm>

#include <unistd.h>

#include "cli/client/token_file.hpp"
#include "cli/client/unreachable.hpp"
#include "cli/commands/listing.hpp"
#include "cli/commands/verbs.hpp"
#include "cli/render/people.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

/// The first line is what is wrong, the others are what to do.
api::Check check_of(const std::string& name, const Error& error) {
  const std::string text = error.what();
  const auto cut = text.find('\n');
  return {name, "error", text.substr(0, cut), cut == std::string::npos ? "" : text.substr(cut + 1)};
}

struct Diagnosis {
  std::vector<api::Check> checks;
  int exit_code = 0;
};

/// From the nearest to the farthest, and no further than what works.
Diagnosis examine(const Client& client) {
  Diagnosis found;
  const std::string socket = client.options().socket.string();
  try {
    static_cast<void>(Connection::open(client.options().socket, Deadline::in(client.options().timeout)));
    found.checks.push_back({"socket", "ok", socket, ""});
    const auto health = client.get("/v1/health").get<api::Health>();
    found.checks.push_back(
        {"daemon", health.status == "ok" ? "ok" : "warning", "decomd " + health.version + " is " + health.status, ""});
    if (health.version != DECOM_VERSION)
      found.checks.push_back({"version", "warning", "decomctl is " DECOM_VERSION ", decomd is " + health.version, ""});
  } catch (const DaemonUnreachable& e) {
    found.checks.push_back(check_of("socket", e));
    found.exit_code = kExitUnreachable;
    return found;
  } catch (const Error& e) {
    found.checks.push_back(check_of("socket", e));
    found.exit_code = traits(e.code()).exit_code;
    return found;
  }
  try {
    const auto who = client.get("/v1/whoami").get<api::WhoAmI>();
    found.checks.push_back({"login", who.roles.empty() ? "warning" : "ok",
                            who.user + (who.roles.empty() ? " has no role" : " (" + join(who.roles, ", ") + ")"), ""});
    for (api::Check& check : client.get("/v1/doctor").get<api::Doctor>().checks)
      found.checks.push_back(std::move(check));
  } catch (const Error& e) {
    api::Check check = check_of("login", e);
    if (e.code() == ErrorCode::unauthenticated)
      check.hint = "log in with 'decomctl login'; the daemon's own checks need it";
    found.checks.push_back(std::move(check));
    found.exit_code = traits(e.code()).exit_code;
    return found;
  }
  if (std::ranges::any_of(found.checks, [](const api::Check& c) { return c.level == "error"; })) found.exit_code = 1;
  return found;
}

int doctor(const OutputOptions& output, Context& ctx) {
  const Diagnosis found = examine(ctx.client());
  if (!output.print_value(ctx, api::Doctor{found.checks})) ctx.print(render_checks(found.checks, ctx.out()));
  return found.exit_code;
}

}  // namespace

void add_doctor(const Verb& program, Context& ctx) {
  auto output = std::make_shared<OutputOptions>();
  const Verb verb = program.verb("doctor", "Check everything from the socket to the vCenters, and say what to do");
  output->add(verb, {"table", "json"});
  verb.footer("Works without a daemon and without a login, as far as it gets.\n\nExamples:\n  decomctl doctor");
  verb.run([output, &ctx] { return doctor(*output, ctx); });
}

}  // namespace decom::cli
