#include "daemon/steps/record_step.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/steps/vm_task.hpp"

namespace decom {
namespace {

using std::chrono::milliseconds;

// More of them would only hide what matters; all are in the plan and in the evidence.
constexpr std::size_t kMostNamed = 8;

// Of what may be removed but for this: nobody was shown it, or nothing was shown at all.
constexpr std::string_view kCameLater = "it is not among those that were shown for removal when the plan was made";
constexpr std::string_view kNothingShown = "it was not shown when the plan was made";

const std::string& name_of(const Record& record) { return record.what.empty() ? record.id : record.what; }
const std::string& name_of(const FrozenRecord& record) { return record.what.empty() ? record.id : record.what; }

std::string listed(const std::vector<std::string>& names) {
  if (names.size() <= kMostNamed) return join(names, ", ");
  return fmt::format("{} and {} more", join({names.begin(), names.begin() + kMostNamed}, ", "),
                     names.size() - kMostNamed);
}

RecordCall limits(StepContext& ctx, const std::stop_token& stop, std::optional<milliseconds> most = std::nullopt) {
  const auto until = most ? std::min(ctx.deadline(), ctx.clock().steady() + *most) : ctx.deadline();
  return {.stop = stop, .deadline = until, .say = [&ctx](bool warning, const std::string& text) {
            ctx.say(warning ? EventLevel::warning : EventLevel::info, text);
          }};
}

/// "CORP\alice, decom 17.3, ticket CHG0042, 2026-11-22T23:00:00Z: replaced by web07"
std::string note_of(StepContext& ctx) {
  const RequestOptions& options = ctx.options();
  return fmt::format("{}{}{}, {}{}{}", ctx.on_behalf_of(), options.ticket.empty() ? "" : ", ticket ", options.ticket,
                     to_rfc3339(ctx.clock().now()), options.reason.empty() ? "" : ": ", options.reason);
}

/// "disable A in SYSTEM, move A in SYSTEM"; what is removed is removed *from* it.
std::string words_for(const std::vector<Record>& records, const std::string& system) {
  std::vector<std::string> effects;
  for (const Record& record : records)
    if (std::ranges::find(effects, record.effect) == effects.end()) effects.push_back(record.effect);
  std::vector<std::string> parts;
  for (const std::string& effect : effects) {
    std::vector<std::string> names;
    for (const Record& record : records)
      if (record.effect == effect) names.push_back(name_of(record));
    parts.push_back(fmt::format("{} {} {} {}", effect.empty() ? "remove" : effect, listed(names),
                                effect.empty() ? "from" : "in", system));
  }
  return join(parts, ", ");
}

const FrozenRecord* frozen_of(const PlanStep& step, const std::string& id) {
  if (!step.records) return nullptr;
  const auto found = std::ranges::find(*step.records, id, &FrozenRecord::id);
  return found == step.records->end() ? nullptr : &*found;
}

/// What is stored is UTF-8: a text that is not must not look as if it had changed.
std::string as_text(const std::string& raw) {
  if (is_valid_utf8(raw)) return raw;
  const std::string quoted = nlohmann::json(raw).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return nlohmann::json::parse(quoted).get<std::string>();
}

FrozenRecord to_freeze(const Record& record) {
  return {.id = record.id, .what = as_text(name_of(record)), .before = as_text(record.before), .effect = record.effect};
}

std::string unproven(const Record& record) {
  if (!record.against.empty()) return join(record.against, ", ");
  if (record.facts.empty()) return "nothing proves whose it is";
  return fmt::format("one fact only, {}", record.facts.front());
}

}  // namespace

/// A record, and why it is left alone; empty: it may be removed.
struct RecordStep::Judged {
  const Record* record = nullptr;
  std::string left_alone;
  bool is_done = false;  ///< left alone because nothing is to be done any more
};

std::optional<milliseconds> duration_in(const PlanStep& step, std::string_view key) {
  if (step.definition.empty()) return std::nullopt;
  const auto json = nlohmann::json::parse(step.definition, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return std::nullopt;
  return parse_duration(found->get<std::string>());
}

std::string RecordStep::call_of(const std::string& effect) const {
  return effect.empty() ? options_.call : fmt::format("{} in {}", effect, options_.system);
}

std::string RecordStep::why_not(StepContext& ctx, const Record& record) const {
  const PlanStep& step = ctx.step();
  const FrozenRecord* frozen = frozen_of(step, record.id);
  if (frozen != nullptr && frozen->before != as_text(record.before)) {
    if (!ctx.did(call_of(record.effect), record.id)) return "it changed since it was shown";
    return record.effect.empty() ? "it is there again after it was removed, and says something else"
                                 : "somebody changed it after this step did";
  }
  if (const auto refused = refused_.find(record.id); refused != refused_.end()) return refused->second;
  if (!is_valid_utf8(record.id)) return "its id is not text";
  if (!record.is_proven()) return unproven(record);
  if (!record.forbidden.empty()) return record.forbidden;
  for (const std::string& name : record.bears)
    if (const auto bearers = ctx.live_bearers(name); !bearers.empty())
      return fmt::format("{} bears {} too", listed(bearers), name);
  if (ctx.rehearsal()) return {};
  if (!step.records) return std::string{kNothingShown};
  if (frozen == nullptr) return std::string{kCameLater};
  return {};
}

void RecordStep::keep_wholes(std::vector<Judged>& judged) {
  const std::vector<Judged> alone = judged;
  for (auto& [record, why, is_done] : judged) {
    if (!why.empty() || record->whole.empty()) continue;
    const auto kept = std::ranges::find_if(alone, [of = record](const Judged& other) {
      return other.record->whole == of->whole && !other.left_alone.empty() && !other.is_done;
    });
    if (kept == alone.end()) continue;
    why = fmt::format("it belongs together with {}, which is left alone", name_of(*kept->record));
  }
}

std::vector<RecordStep::Judged> RecordStep::judge(StepContext& ctx, const std::vector<Record>& found) const {
  std::vector<Judged> judged;
  std::vector<SeenRecord> seen;
  for (const Record& record : found) {
    const auto same_id = std::ranges::count(found, record.id, &Record::id);
    if (same_id == 1 && record.is_proven() && !record.done.empty())
      judged.push_back({&record, fmt::format("it {} already", record.done), true});
    else
      judged.push_back({&record, same_id > 1 ? fmt::format("{} records have its id", same_id) : why_not(ctx, record)});
  }
  keep_wholes(judged);
  seen.reserve(judged.size());
  for (const auto& [record, why, is_done] : judged)
    seen.push_back({.record = to_freeze(*record), .facts = record->facts, .left_alone = why});
  ctx.saw(seen);
  return judged;
}

Observation RecordStep::observe(StepContext& ctx) {
  removable_.clear();
  const auto system = of_(ctx);
  std::vector<Record> found;
  try {
    found = system->find(ctx.machine(), limits(ctx, ctx.stop(), options_.look));
  } catch (const Error& e) {
    if (e.code() != ErrorCode::ambiguous) throw;
    return LeftAlone{fmt::format("what {} has of it is not known, look for it by hand: {}", options_.system, e.what())};
  }
  const PlanStep& step = ctx.step();
  const std::string& name = ctx.machine().name;

  Needed needed;
  std::vector<std::string> left;
  std::vector<std::string> done;
  bool forbidden = false;
  bool came_later = false;  // what nobody was shown keeps a whole that was
  bool unshown = false;
  for (const auto& [record, why, is_done] : judge(ctx, found)) {
    if (why.empty()) {
      needed.records.push_back(to_freeze(*record));
      removable_.push_back(*record);
    } else if (is_done) {
      done.push_back(fmt::format("{} {}", name_of(*record), record->done));
    } else {
      left.push_back(fmt::format("{} ({})", name_of(*record), why));
      forbidden = forbidden || (record->is_proven() && !record->forbidden.empty());
      came_later = came_later || (!record->whole.empty() && why == kCameLater);
      unshown = unshown || why == kNothingShown;
    }
  }
  std::vector<std::string> removed;
  std::vector<std::string> vanished;
  if (!ctx.rehearsal() && step.records)
    for (const FrozenRecord& frozen : *step.records) {
      if (std::ranges::find(found, frozen.id, &Record::id) != found.end()) continue;
      const bool by_us = frozen.effect.empty() && ctx.did(call_of(frozen.effect), frozen.id);
      (by_us ? removed : vanished).push_back(name_of(frozen));
    }

  std::vector<std::string> notes;
  if (!left.empty()) notes.push_back(fmt::format("left alone in {}: {}", options_.system, listed(left)));
  if (!vanished.empty())
    notes.push_back(fmt::format("seen in {} when the plan was made, not visible now, and not removed by us: {}",
                                options_.system, listed(vanished)));
  if (unshown)
    notes.push_back(
        fmt::format("{} could not be read when the plan was made, so nobody saw what would be removed: "
                    "'decomctl submit {} --records-only' shows it and removes it",
                    options_.system, ctx.machine().id()));
  if (came_later)
    notes.push_back(fmt::format(
        "what was not shown for removal stays in {}: remove by hand what of it is this machine's", options_.system));
  const std::string rest = join(notes, "; ");
  if (!removable_.empty()) {
    needed.what = fmt::format("{}{}{}", words_for(removable_, options_.system), rest.empty() ? "" : "; ", rest);
    return needed;
  }
  if (!rest.empty()) {
    if (forbidden && removed.empty()) return Blocked{rest};
    return LeftAlone{rest};
  }
  if (!done.empty()) return Satisfied{fmt::format("in {}: {}", options_.system, listed(done))};
  if (!removed.empty()) return Satisfied{fmt::format("removed from {}: {}", options_.system, listed(removed))};
  return Satisfied{fmt::format("{} has no record of {}", options_.system, name)};
}

void RecordStep::apply(StepContext& ctx, const Needed& needed) {
  if (!std::ranges::equal(needed.records, removable_, {}, &FrozenRecord::id, &Record::id))
    throw Error{ErrorCode::internal, "the records to be removed are not those that were observed"};
  const auto system = of_(ctx);
  const std::vector<Record> records = removable_;
  const auto did = [&](const Record& record) { return ctx.did(call_of(record.effect), record.id); };
  // What was removed and shows again is removed once more only where a person said so: then nothing else is left to do.
  const bool again = std::ranges::all_of(records, did);
  for (const Record& record : records) {
    const bool kept = !record.whole.empty() && std::ranges::any_of(records, [&](const Record& other) {
      return other.whole == record.whole && refused_.contains(other.id);
    });
    if (!kept && (again || !did(record))) remove(ctx, *system, record);
  }
}

void RecordStep::remove(StepContext& ctx, RecordSystem& system, const Record& record) {
  const auto call = ctx.effect({.call = call_of(record.effect),
                                .target = record.id,
                                .before = record.before,
                                .irreversible = true,
                                .deadline = options_.removal});
  require_not_stopped(ctx, *call);
  try {
    RecordCall how = limits(ctx, ctx.stop(), options_.removal);
    how.note = note_of(ctx);
    const std::string what = system.remove(ctx.machine(), record, how);
    call->done(fmt::format("{} {}", what.empty() ? "removed" : what, name_of(record)));
  } catch (const Error& e) {
    if (e.code() == ErrorCode::gone) return call->refused("it was gone already");
    if (e.code() != ErrorCode::precondition) throw;
    call->refused(e.what());
    refused_[record.id] = fmt::format("it changed since it was shown: {}", e.what());
  }
}

Observation RecordStep::resume(StepContext& ctx, const OpenCall& call) {
  // A cancel does not keep it from being known what was done.
  const auto now = of_(ctx)->read(ctx.machine(), call.target, limits(ctx, ctx.shutdown(), options_.look));
  if (!now) {
    const FrozenRecord* frozen = frozen_of(ctx.step(), call.target);
    if (frozen == nullptr || frozen->effect.empty())
      return Satisfied{fmt::format("{} is gone from {}", call.target, options_.system)};
    return Unknown{fmt::format("{} was to be left in {}, and is not there or not visible any more", name_of(*frozen),
                               options_.system)};
  }
  if (!now->done.empty()) return Satisfied{fmt::format("{} {}", name_of(*now), now->done)};
  require_past_deadline(ctx, call);
  return Needed{.what = fmt::format("{} is still {} {}", name_of(*now), now->effect.empty() ? "in" : "as it was in",
                                    options_.system),
                .records = {},
                .before = {}};
}

}  // namespace decom
