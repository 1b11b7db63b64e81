#include "daemon/records/record_book.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include <fmt/core.h>

#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "daemon/records/silencer.hpp"

namespace decom {
namespace {

using std::chrono::milliseconds;

/// Calls that are under way at once, for one question; further ones wait, within their deadline.
constexpr std::size_t kMostBeside = 32;

/// Runs all of `jobs`, several at once, and returns when the last one is done. A job does not throw.
void run_beside(const std::vector<std::function<void()>>& jobs) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t at = next++; at < jobs.size(); at = next++) jobs[at]();
  };
  std::vector<std::jthread> others;  // this thread is one of them
  for (std::size_t i = 1; i < std::min(jobs.size(), kMostBeside); ++i) others.emplace_back(work);
  work();
}

}  // namespace

RecordBook::RecordBook(std::shared_ptr<RecordSystems> systems, Clock& clock, std::vector<RecordDefinition> definitions,
                       std::vector<FixedSystem> fixed)
    : systems_(std::move(systems)), clock_(clock), fixed_(std::move(fixed)) {
  replace(std::move(definitions));
}

void RecordBook::replace(std::vector<RecordDefinition> definitions) {
  std::ranges::sort(definitions, {}, &RecordDefinition::name);
  std::vector<RecordDefinition> all;
  for (const FixedSystem& one : fixed_) all.push_back(one.definition);
  std::ranges::move(definitions, std::back_inserter(all));
  auto whole = std::make_shared<const std::vector<RecordDefinition>>(std::move(all));
  const std::lock_guard guard(mutex_);
  definitions_ = std::move(whole);
}

RecordBook::Definitions RecordBook::definitions() const {
  const std::lock_guard guard(mutex_);
  return definitions_;
}

std::vector<RecordDefinition> RecordBook::chosen(const std::vector<std::string>& only) const {
  const Definitions all = definitions();
  if (only.empty()) return *all;
  std::vector<RecordDefinition> some;
  for (const std::string& name : only) {
    const auto found = std::ranges::find(*all, name, &RecordDefinition::name);
    if (found == all->end()) {
      std::vector<std::string> names;
      for (const RecordDefinition& one : *all) names.push_back(one.name);
      throw Error{ErrorCode::not_found, "no system is called '{}'; {}", name,
                  names.empty() ? "none is configured" : "there are " + join(names, ", ")};
    }
    if (std::ranges::find(some, name, &RecordDefinition::name) == some.end()) some.push_back(*found);
  }
  return some;
}

std::shared_ptr<RecordSystem> RecordBook::system_of(const RecordDefinition& definition) const {
  for (const FixedSystem& one : fixed_)
    if (one.definition.name == definition.name) return one.system;
  return systems_->of(definition.kind, definition.definition);
}

namespace {

/// `ask` is one call of a system; what it throws is the answer, too.
RecordAnswer answer_of(const RecordDefinition& definition, Clock& clock, Clock::Steady began,
                       std::optional<milliseconds> most, const std::stop_token& stop,
                       const std::function<void(RecordAnswer&, const RecordCall&)>& ask) {
  RecordAnswer answer{.system = definition.name, .kind = definition.kind, .records = {}, .trouble = {}, .text = {}};
  const milliseconds time = most ? std::min(*most, definition.deadline) : definition.deadline;
  const RecordCall call{.stop = stop, .deadline = began + time, .say = {}};
  const auto start = clock.steady();
  try {
    if (start >= call.deadline)
      throw Error{ErrorCode::timed_out, "it was not asked within {}: too many others were slow", to_text(time)};
    ask(answer, call);
  } catch (const Error& e) {
    answer.trouble = e.code();
    answer.text = e.what();
  } catch (const std::exception& e) {
    answer.trouble = ErrorCode::internal;
    answer.text = fmt::format("a fault of our own: {}", e.what());
  }
  answer.elapsed = std::chrono::duration_cast<milliseconds>(clock.steady() - start);
  return answer;
}

/// Of records that are the machine's, whether we keep them silent. That this cannot be asked takes nothing from them.
void say_what_is_silent(const Machine& machine, RecordSystem& system, std::vector<Record>& records,
                        const RecordCall& call) {
  Silencer* silencer = system.silencer();
  if (silencer == nullptr || !silencer->asks_for_targets()) return;
  for (Record& record : records) {
    if (!record.is_proven()) continue;
    try {
      const auto ours = silencer->silences(SilenceMark::of(machine, record.id, {}), call);
      if (ours.empty()) continue;
      const auto last = std::ranges::max_element(ours, {}, &FoundSilence::until);
      record.what += last->until ? ", silent until " + to_rfc3339(*last->until) : ", silent";
    } catch (const Error& e) {
      log::debug("records", "whether {} is silent cannot be asked: {}", safe_for_terminal(record.id), e.what());
    }
  }
}

}  // namespace

std::vector<std::vector<RecordAnswer>> RecordBook::look(const std::vector<Machine>& machines,
                                                        const std::vector<std::string>& only,
                                                        std::optional<milliseconds> most,
                                                        const std::stop_token& stop) const {
  const std::vector<RecordDefinition> asked = chosen(only);
  const auto began = clock_.steady();
  std::vector<std::vector<RecordAnswer>> answers(machines.size(), std::vector<RecordAnswer>(asked.size()));
  std::vector<std::function<void()>> jobs;
  for (std::size_t m = 0; m < machines.size(); ++m)
    for (std::size_t s = 0; s < asked.size(); ++s)
      jobs.emplace_back([&, m, s] {
        answers[m][s] =
            answer_of(asked[s], clock_, began, most, stop, [&](RecordAnswer& answer, const RecordCall& call) {
              const auto system = system_of(asked[s]);
              answer.records = system->find(machines[m], call);
              say_what_is_silent(machines[m], *system, answer.records, call);
            });
      });
  run_beside(jobs);
  return answers;
}

std::vector<RecordAnswer> RecordBook::test(const std::vector<std::string>& only, std::optional<milliseconds> most,
                                           const std::stop_token& stop) const {
  const std::vector<RecordDefinition> asked = chosen(only);
  const auto began = clock_.steady();
  std::vector<RecordAnswer> answers(asked.size());
  std::vector<std::function<void()>> jobs;
  for (std::size_t s = 0; s < asked.size(); ++s)
    jobs.emplace_back([&, s] {
      answers[s] = answer_of(asked[s], clock_, began, most, stop, [&](RecordAnswer& answer, const RecordCall& call) {
        answer.text = system_of(asked[s])->check(call);
      });
    });
  run_beside(jobs);
  return answers;
}

}  // namespace decom
