#include <array>
#include <cerrno>
#include <thread>

#include <sys/random.h>

#include "cli/client/unreachable.hpp"
#include "cli/commands/follow.hpp"
#include "cli/commands/listing.hpp"
#include "cli/commands/machines.hpp"
#include "cli/commands/submitting.hpp"
#include "cli/commands/terminal.hpp"
#include "cli/commands/verbs.hpp"
#include "cli/render/plan.hpp"
#include "common/api/requests.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

struct SubmitOptions {
  PlanOptions plan;
  bool yes = false;
  std::string idempotency_key;
  WaitOptions wait;
  OutputOptions output;
};

std::string fresh_key() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw Error{ErrorCode::internal, "the kernel gives no random bytes"};
  std::string key;
  for (const unsigned char byte : bytes) key += fmt::format("{:02x}", byte);
  return key;
}

/// The answer may get lost on its way; the same key makes it safe to ask again.
Json post_request(const Client& client, const api::SubmitBody& body, const std::string& key) {
  for (int attempt = 1;; ++attempt) {
    try {
      return client.post("/v1/requests", body, {{"Idempotency-Key", key}});
    } catch (const Error& e) {
      const bool again = e.code() == ErrorCode::lost || dynamic_cast<const DaemonUnreachable*>(&e) != nullptr;
      if (!again || attempt == 4) throw;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{250} * attempt * attempt);
  }
}

void confirm(const api::Plan& plan, const Context& ctx) {
  ctx.note(render_plan(plan, ctx.err()) + "\n");
  const auto answer = ask(question_of(plan) + " It cannot be undone. Type yes: ");
  if (!answer)
    throw Error{ErrorCode::usage, "there is no terminal to ask on: look at 'decomctl plan', then submit with --yes"};
  if (folded(trimmed(*answer)) != "yes") throw Error{ErrorCode::cancelled, "nothing was submitted"};
}

int submit(const SubmitOptions& options, Context& ctx) {
  const Client client = ctx.client();
  const MachineList list = read_machines(options.plan.machines, options.plan.file);
  const Json offered = client.post("/v1/plans", api::PlanBody{list.machines, to_api(options.plan, ctx.now())});
  const auto plan = offered.get<api::Plan>();
  if (!options.yes) confirm(plan, ctx);
  const std::string key = options.idempotency_key.empty() ? fresh_key() : options.idempotency_key;
  const Json accepted = post_request(client, {plan.plan, plan.hash}, key);
  const auto request = accepted.at("id").get<std::int64_t>();
  if (!options.output.print_value(ctx, accepted)) {
    // For a script; on a terminal the lines of the machines begin with it.
    if (!options.wait.watch || ctx.out().width == 0) ctx.print(fmt::format("{}\n", request));
    if (!options.wait.watch)
      ctx.note(fmt::format("request {} is accepted; follow it with 'decomctl watch {}'\n", request, request));
  }
  return options.wait.run(ctx, request);
}

}  // namespace

void add_submit(const Verb& program, Context& ctx) {
  auto options = std::make_shared<SubmitOptions>();
  const Verb verb = program.verb("submit", "Decommission machines: shows what will happen, asks, and begins");
  options->plan.add(verb);
  verb.flag("-y,--yes", options->yes, "Do not ask");
  verb.option("--idempotency-key", options->idempotency_key,
              "A key of your own: under one key there is one request, and another one is refused")
      .type_name("KEY");
  options->wait.add(verb);
  options->output.add(verb, {"table", "json"});
  verb.footer(
      "Prints the number of the request, and returns as soon as it is safe on disk.\n\n"
      "Examples:\n"
      "  decomctl submit web-prod-01 --reason 'replaced by web-prod-07' --ticket CHG-1234\n"
      "  decomctl submit lab:vm-123 lab:vm-124 --at 'tomorrow 06:00' --yes\n"
      "  decomctl search folder:attic -o id | decomctl submit --file - --reason 'attic cleanup' --watch");
  verb.run([options, &ctx] { return submit(*options, ctx); });
}

}  // namespace decom::cli
