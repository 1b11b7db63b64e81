#include "daemon/steps/silence_step.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/core.h>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/records/record_system.hpp"
#include "daemon/steps/vm_task.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Of one look, and of one call: the machine waits for it. A look may have to queue for the system's rate.
constexpr milliseconds kLookTakes = 30s;
constexpr milliseconds kCallTakes = 15s;

constexpr std::size_t kLongestName = 80;

/// The silencer lives as long as its system.
std::shared_ptr<Silencer> silencer_of(const SilenceStep::Of& of, const PlanStep& step) {
  auto system = of(step);
  Silencer* silencer = system->silencer();
  if (silencer == nullptr) throw Error{ErrorCode::invalid, "{} has nothing that silences it", step.system};
  return {std::move(system), silencer};
}

RecordCall within_time(StepContext& ctx, const std::stop_token& stop, milliseconds most) {
  return {.stop = stop, .deadline = std::min(ctx.deadline(), ctx.clock().steady() + most), .say = {}};
}

std::string shown_name(const Record& record) { return fit(record.what.empty() ? record.id : record.what, 200); }

SilenceMark mark_of(StepContext& ctx, const std::string& target) {
  return SilenceMark::of(ctx.machine(), target, ctx.number());
}

/// Nobody waits for a monitoring: what would be tried again later elsewhere is a failure here, and one that nothing was
/// done by.
template <typename Ask>
auto at_once(StepContext& ctx, Ask ask) {
  try {
    return ask();
  } catch (const Error& e) {
    if (e.code() == ErrorCode::cancelled) throw;
    throw Error{ErrorCode::refused, "{} is not silenced in {}: {}", ctx.machine().name, ctx.step().system, e.what()};
  }
}

/// A plan shows what the system has of the machine already, and it need not be asked twice.
bool is_shown_elsewhere(StepContext& ctx) {
  return std::ranges::any_of(ctx.plan().steps, [&](const PlanStep& other) {
    return other.system == ctx.step().system && other.kind != kSilenceKind && !other.skipped;
  });
}

Timestamp lasts_until(StepContext& ctx, const Silencer& silencer) {
  const milliseconds guest = ctx.options().guest_shutdown ? ctx.options().shutdown_timeout : milliseconds{0};
  return ctx.clock().now() + silencer.lasts() + guest;
}

/// Words of ours around names that others have chosen.
std::string comment_of(StepContext& ctx) {
  std::string who = ctx.on_behalf_of();
  who = who.substr(0, who.rfind(", decom "));
  return fmt::format("{} is being retired for {}", fit(safe_for_terminal(ctx.machine().name), kLongestName),
                     fit(safe_for_terminal(who), kLongestName));
}

}  // namespace

std::string silence_step_name(const std::string& system) { return "silence_" + system; }

std::string SilenceStep::why_not(StepContext& ctx, const Record& record) const {
  if (std::ranges::count(*known_, record.id, &Record::id) > 1) return "its id is not its own";
  if (!is_valid_utf8(record.id)) return "its id is not text";
  if (!record.against.empty()) return join(record.against, ", ");
  if (record.facts.empty()) return "nothing proves whose it is";
  if (!record.is_proven()) return fmt::format("one fact only, {}", record.facts.front());
  for (const std::string& name : record.bears)
    if (const auto bearers = ctx.live_bearers(name); !bearers.empty())
      return fmt::format("{} bears {} too", join(bearers, ", "), name);
  return {};
}

Observation SilenceStep::observe(StepContext& ctx) {
  const std::string& system = ctx.step().system;
  wanted_.clear();
  const auto silencer = at_once(ctx, [&] { return silencer_of(of_, ctx.step()); });
  const RecordCall call = within_time(ctx, ctx.stop(), kLookTakes);
  const std::string most = to_text(lasts_until(ctx, *silencer) - ctx.clock().now());
  if (ctx.rehearsal() && silencer->asks_for_targets() && is_shown_elsewhere(ctx))
    return Needed{.what = fmt::format("silence what {} has of {}, for {} at most", system, ctx.machine().name, most),
                  .records = {},
                  .before = {}};
  if (!known_) known_ = at_once(ctx, [&] { return silencer->targets(ctx.machine(), call); });

  std::vector<std::string> wanted;
  std::vector<std::string> silent;
  std::vector<std::string> left;
  for (const Record& record : *known_) {
    if (const std::string why = at_once(ctx, [&] { return why_not(ctx, record); }); !why.empty()) {
      left.push_back(fmt::format("{} ({})", shown_name(record), why));
      continue;
    }
    std::vector<FoundSilence> ours;
    if (!ctx.rehearsal()) ours = at_once(ctx, [&] { return silencer->silences(mark_of(ctx, record.id), call); });
    const Timestamp now = ctx.clock().now();
    std::erase_if(ours, [&](const FoundSilence& one) { return one.until && *one.until <= now; });
    if (ours.empty()) {
      wanted.push_back(shown_name(record));
      wanted_.push_back(record);
    } else {
      const auto until = ours.front().until;
      silent.push_back(
          fmt::format("{}{}", shown_name(record), until ? ", until " + to_rfc3339(*until) : std::string{}));
    }
  }
  const std::string loud = left.empty() ? std::string{} : fmt::format("stays loud in {}: {}", system, join(left, ", "));
  if (!wanted_.empty())
    return Needed{.what = fmt::format("silence {} in {} for {} at most{}{}", join(wanted, ", "), system, most,
                                      loud.empty() ? "" : "; ", loud),
                  .records = {},
                  .before = {}};
  std::string quiet = silent.empty() ? std::string{} : fmt::format("silent in {}: {}", system, join(silent, "; "));
  if (!loud.empty()) return LeftAlone{quiet.empty() ? loud : fmt::format("{}; {}", quiet, loud)};
  if (!quiet.empty()) return Satisfied{std::move(quiet)};
  return Satisfied{fmt::format("{} knows nothing of {} that it could be silent about", system, ctx.machine().name)};
}

void SilenceStep::apply(StepContext& ctx, const Needed&) {
  const auto silencer = at_once(ctx, [&] { return silencer_of(of_, ctx.step()); });
  for (const Record& record : wanted_) set(ctx, *silencer, record);
}

void SilenceStep::set(StepContext& ctx, Silencer& silencer, const Record& record) {
  const auto call = ctx.effect({.call = "silence in " + ctx.step().system,
                                .target = record.id,
                                .before = shown_name(record),
                                .irreversible = false,
                                .deadline = kCallTakes});
  require_not_stopped(ctx, *call);
  const Timestamp until = lasts_until(ctx, silencer);
  sent_ = true;
  try {
    silencer.silence(mark_of(ctx, record.id), comment_of(ctx), until, within_time(ctx, ctx.stop(), kCallTakes));
  } catch (const Error& e) {
    // Whether it was set is asked for next.
    for (const ErrorCode unclear : {ErrorCode::lost, ErrorCode::protocol, ErrorCode::internal, ErrorCode::cancelled})
      if (e.code() == unclear) throw;
    call->refused(e.what());
    throw Error{ErrorCode::refused, "{} is not silenced in {}: {}", ctx.machine().name, ctx.step().system, e.what()};
  }
  call->done(fmt::format("{} is silent until {}", shown_name(record), to_rfc3339(until)));
}

Observation SilenceStep::resume(StepContext& ctx, const OpenCall& call) {
  // A cancel does not keep it from being known what is to be lifted.
  const auto ours = at_once(ctx, [&] {
    return silencer_of(of_, ctx.step())
        ->silences(mark_of(ctx, call.target), within_time(ctx, ctx.shutdown(), kLookTakes));
  });
  if (!ours.empty()) return Satisfied{fmt::format("{} is silent in {}", call.target, ctx.step().system)};
  const std::string why = fmt::format("it is not known whether {} was silenced, and {} shows no silence of ours",
                                      call.target, ctx.step().system);
  if (sent_) throw Error{ErrorCode::refused, "{}", why};
  return Needed{.what = why, .records = {}, .before = {}};
}

std::string lift_silences(const SilenceStep::Of& of, const Lift& lift) {
  std::map<std::string, std::string> targets;  // and what people know them by
  for (const OpenCall& call : lift.calls) targets[call.target] = call.before;
  if (targets.empty()) return fmt::format("nothing had been silenced in {}", lift.step.system);
  const auto silencer = silencer_of(of, lift.step);
  std::vector<std::string> loud;
  for (const auto& [target, name] : targets)
    if (silencer->lift(SilenceMark::of(lift.machine, target, lift.number),
                       {.stop = lift.stop, .deadline = lift.deadline, .say = {}}) > 0)
      loud.push_back(name.empty() ? target : name);
  if (loud.empty()) return fmt::format("{} has no silence of ours any more", lift.step.system);
  return fmt::format("{} is loud again about {}", lift.step.system, join(loud, ", "));
}

}  // namespace decom
