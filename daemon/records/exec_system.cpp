#include "daemon/records/exec_system.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "common/base/secret.hpp"
#include "common/base/text.hpp"
#include "daemon/records/exec_options.hpp"
#include "daemon/records/exec_program.hpp"
#include "daemon/records/exec_protocol.hpp"
#include "daemon/records/sandbox.hpp"

namespace decom {
namespace {

constexpr std::size_t kMostOutput = std::size_t{1024} * 1024;

/// One execution, and what it came to.
struct Execution {
  ExecOutput output;
  SandboxResult result;
};

std::string last_line(const std::string& errors) {
  const std::string_view text = trimmed(errors);
  const auto at = text.rfind('\n');
  return fit(safe_for_terminal(trimmed(at == std::string_view::npos ? text : text.substr(at + 1))), 300);
}

class ExecSystem : public RecordSystem {
 public:
  ExecSystem(ExecOptions options, RecordWorld world) : options_(std::move(options)), world_(std::move(world)) {
    title_ = options_.command.empty() ? fmt::format("the {} code", options_.language)
                                      : fmt::format("'{}'", options_.command);
  }

  std::vector<Record> find(const Machine& machine, const RecordCall& call) override {
    Execution run = execute(ExecVerb::observe, exec_input(&machine, nullptr), call);
    expect_clean_read(run, call);
    std::vector<Record> records;
    for (ExecRecord& one : run.output.records()) {
      weigh(machine, one.facts, one.record);
      records.push_back(std::move(one.record));
    }
    return records;
  }

  std::optional<Record> read(const Machine& machine, const std::string& id, const RecordCall& call) override {
    auto records = find(machine, call);
    const auto found = std::ranges::find(records, id, &Record::id);
    if (found == records.end()) return std::nullopt;
    return std::move(*found);
  }

  std::string remove(const Machine& machine, const Record& record, const RecordCall& call) override {
    const Execution run = execute(ExecVerb::apply, exec_input(&machine, &record), call);
    if (!run.result.started) throw_not_started(run.result);
    const std::string failure = failure_of(run);
    if (!failure.empty())
      throw Error{ErrorCode::lost, "cannot tell whether {} removed '{}': {}", title_, record.what, failure};
    const ExecOutcome& outcome = run.output.outcome();
    const auto no = [&](ErrorCode code, std::string_view otherwise) {
      throw Error{code, "cannot remove '{}': {} says {}", record.what, title_, said(outcome, otherwise)};
    };
    switch (outcome.status) {
      case ExecStatus::ok: break;
      case ExecStatus::gone: no(ErrorCode::gone, "it is gone"); break;
      case ExecStatus::denied: no(ErrorCode::denied, "it has no right to"); break;
      case ExecStatus::retry: no(ErrorCode::busy, "to try again later"); break;
      case ExecStatus::failed: no(ErrorCode::refused, "it failed, and removed nothing"); break;
      case ExecStatus::changed: no(ErrorCode::precondition, "it is not what it was"); break;
    }
    return outcome.message.empty() ? "removed" : outcome.message;
  }

  std::string check(const RecordCall& call) override {
    const Execution run = execute(ExecVerb::describe, exec_input(nullptr, nullptr), call);
    expect_clean_read(run, call);
    const ExecOutcome& outcome = run.output.outcome();
    std::string text = fmt::format("{} {}", outcome.name, outcome.version);
    if (!outcome.can.empty()) text += fmt::format(" ({})", join(outcome.can, ", "));
    text += outcome.control.empty() ? "; it did not say what it read" : "; " + outcome.control;
    return text;
  }

 private:
  static std::string said(const ExecOutcome& outcome, std::string_view otherwise) {
    return outcome.message.empty() ? std::string(otherwise) : fmt::format("'{}'", outcome.message);
  }

  /// Everything that is needed before the program can run; what is missing throws, and nothing was sent.
  Execution execute(ExecVerb verb, const std::string& input, const RecordCall& call) {
    if (call.stop.stop_requested()) throw Error{ErrorCode::cancelled, "cannot run {}: cancelled", title_};
    SandboxSpec spec{.env = options_.env,
                     .network = options_.network,
                     .memory_bytes = options_.memory_bytes,
                     .tmp_bytes = options_.tmp_bytes,
                     .processes = static_cast<int>(options_.processes)};
    ExecProgram program;
    if (options_.command.empty()) {
      // Whoever loads a definition knows the languages, and says that this is none of them.
      if (options_.line.empty())
        throw Error{ErrorCode::refused, "cannot run {}: [language.{}] is not in decomd.toml", title_,
                    options_.language};
      spec.command = options_.line;
    } else {
      program = frozen_program();
      const std::string path = "/step" + options_.command.substr(options_.command.rfind('/'));
      spec.command = {path};
      spec.files.push_back({path, program.bytes, 0555});
    }
    spec.command.emplace_back(to_string(verb));
    spec.command.insert(spec.command.end(), options_.args.begin(), options_.args.end());
    std::vector<Secret> secrets;
    secrets.reserve(options_.secrets.size());
    for (const auto& [name, secret] : options_.secrets) {
      secrets.push_back(secret_called(secret));
      spec.files.push_back({"/run/secrets/" + name, secrets.back().expose(), 0400});
    }
    const auto left = call.deadline - (world_.clock != nullptr ? *world_.clock : system_clock()).steady();
    const SandboxLimits limits{
        .stop = call.stop,
        .deadline = std::chrono::steady_clock::now() + std::min<Clock::Steady::duration>(left, options_.timeout),
        .output_bytes = kMostOutput};
    Execution run{ExecOutput(verb, call.say), {}};
    run.result = run_in_sandbox(spec, input, limits, [&](std::string_view piece) { run.output.take(piece); });
    run.output.finish();
    return run;
  }

  [[nodiscard]] ExecProgram frozen_program() const {
    ExecProgram program = read_exec_program(options_.command);
    if (options_.sha256.empty())
      throw Error{ErrorCode::refused, "cannot run {}: its definition was not frozen", title_};
    if (program.sha256 != options_.sha256)
      throw Error{
          ErrorCode::precondition,
          "cannot run {}: it changed since decomd read its definition (SHA-256 was {}…, is {}…): after a reload "
          "of decomd, plans that are made then run it as it is",
          title_, options_.sha256.substr(0, 12), program.sha256.substr(0, 12)};
    return program;
  }

  [[nodiscard]] Secret secret_called(const std::string& name) const {
    try {
      return read_secret_file(world_.secret_file(name));
    } catch (const Error& e) {
      throw Error{ErrorCode::refused, fmt::format("cannot run {}: {}", title_, e.what())};
    }
  }

  [[noreturn]] void throw_not_started(const SandboxResult& result) const {
    if (result.end == SandboxEnd::stopped) throw Error{ErrorCode::cancelled, "cannot run {}: cancelled", title_};
    throw Error{ErrorCode::unreachable,
                fmt::format("cannot run {}: {}{}", title_, result.why, with_errors(result.errors))};
  }

  static std::string with_errors(const std::string& errors) {
    const std::string line = last_line(errors);
    return line.empty() ? line : fmt::format("; its last words: {}", line);
  }

  /// A refused connection looks as if the system were down, when it is the sandbox that has no way out.
  [[nodiscard]] std::string network_missed(const std::string& words) const {
    static constexpr std::array kSigns{"refused", "unreachable", "resolution", "resolve", "not known"};
    const bool fits =
        std::ranges::any_of(kSigns, [&](const char* sign) { return words.find(sign) != std::string::npos; });
    return fits && !options_.network ? "; it has no network, which 'network = true' in its definition grants" : "";
  }

  /// Why an execution is worth nothing; empty: it ended well, and by the protocol.
  [[nodiscard]] std::string failure_of(const Execution& run) const {
    const SandboxResult& result = run.result;
    const auto because = [&](const std::string& what) { return what + with_errors(result.errors); };
    switch (result.end) {
      case SandboxEnd::not_started: return because(result.why);
      case SandboxEnd::vanished: return because("its sandbox was killed");
      case SandboxEnd::stopped: return "it was killed, for somebody asked to stop";
      case SandboxEnd::timed_out:
        return because(fmt::format("it was killed, for it was not done in {}", to_text(options_.timeout)));
      case SandboxEnd::flooded: return because("it was killed, for it wrote more than 1 MiB");
      case SandboxEnd::overgrown:
        return because("it was killed, for its processes together held more than four times its 'memory'");
      case SandboxEnd::exited: break;
    }
    if (result.status > 128) return because(fmt::format("it was ended by signal {}", result.status - 128));
    if (result.status != 0)
      return because(fmt::format("it ended with exit code {}", result.status)) + network_missed(result.errors);
    return run.output.mistake().empty() ? std::string{} : because(run.output.mistake());
  }

  /// For the verbs that change nothing: throws unless the program ended well and says ok or gone.
  void expect_clean_read(const Execution& run, const RecordCall& call) const {
    const SandboxResult& result = run.result;
    if (!result.started) throw_not_started(result);
    if (result.end == SandboxEnd::stopped || call.stop.stop_requested())
      throw Error{ErrorCode::cancelled, "cannot read with {}: cancelled", title_};
    const std::string failure = failure_of(run);
    if (!failure.empty()) {
      const ErrorCode code = result.end == SandboxEnd::timed_out ? ErrorCode::timed_out
                             : result.end == SandboxEnd::flooded ? ErrorCode::too_large
                                                                 : ErrorCode::protocol;
      throw Error{code, "cannot read with {}: {}", title_, failure};
    }
    const ExecOutcome& outcome = run.output.outcome();
    const auto no = [&](ErrorCode code, std::string_view otherwise, const std::string& hint = {}) {
      throw Error{code, "cannot read with {}: it says {}{}", title_, said(outcome, otherwise), hint};
    };
    switch (outcome.status) {
      case ExecStatus::ok:
      case ExecStatus::gone: break;
      case ExecStatus::denied: no(ErrorCode::denied, "that it has no right to"); break;
      case ExecStatus::retry: no(ErrorCode::busy, "to try again later", network_missed(outcome.message)); break;
      case ExecStatus::failed:
      case ExecStatus::changed: no(ErrorCode::refused, "that it failed", network_missed(outcome.message)); break;
    }
  }

  ExecOptions options_;
  RecordWorld world_;
  std::string title_;  ///< for messages
};

}  // namespace

std::unique_ptr<RecordSystem> make_exec(DefinitionReader& reader, const RecordWorld& world) {
  const std::size_t before = reader.mistakes();
  ExecOptions options = read_exec_options(reader);
  if (reader.mistakes() != before) return nullptr;
  return std::make_unique<ExecSystem>(std::move(options), world);
}

}  // namespace decom
