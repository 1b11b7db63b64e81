#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/domain/machine.hpp"
#include "daemon/records/record.hpp"
#include "daemon/records/testimony.hpp"

namespace decom {

/// The protocol that decom-step(7) documents: one JSON object in, JSON lines out.
enum class ExecVerb { describe, observe, apply };
std::string_view to_string(ExecVerb verb);

/// What a program reads from its standard input. `machine` is null for describe, `record` for all but apply.
std::string exec_input(const Machine* machine, const Record* record);

enum class ExecStatus { ok, gone, denied, retry, failed, changed };

struct ExecOutcome {
  ExecStatus status = ExecStatus::failed;
  std::string message;
  std::string control;           ///< what was read that must exist
  std::string name;              ///< of describe
  std::string version;           ///< of describe
  std::vector<std::string> can;  ///< of describe: verbs
};

struct ExecRecord {
  Record record;  ///< as the program says it, not compared with any machine yet
  Testimony facts;
};

/// Reads what a program writes, in pieces as they come.
///
/// The first mistake is kept, and everything behind it is passed over: what a program does is not made any better by
/// killing it midway. Texts for people go out at once, but not without end.
class ExecOutput {
 public:
  using Say = std::function<void(bool warning, const std::string& text)>;
  ExecOutput(ExecVerb verb, Say say);

  void take(std::string_view piece);
  /// Nothing comes any more.
  void finish();

  /// What is wrong with it; empty: nothing, and there is an outcome.
  [[nodiscard]] const std::string& mistake() const { return mistake_; }
  [[nodiscard]] const ExecOutcome& outcome() const { return *outcome_; }
  [[nodiscard]] std::vector<ExecRecord>& records() { return records_; }

 private:
  void take_line(std::string_view line);
  void take_record(const nlohmann::json& line);
  void take_result(const nlohmann::json& line);
  void say(bool warning, const std::string& text);
  void wrong(std::string what);

  ExecVerb verb_;
  Say say_;
  std::string line_;
  std::size_t number_ = 0;  ///< of the line
  std::size_t said_ = 0;
  std::string mistake_;
  std::optional<ExecOutcome> outcome_;
  std::vector<ExecRecord> records_;
};

}  // namespace decom
