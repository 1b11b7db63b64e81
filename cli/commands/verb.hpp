#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/render/verb_spec.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace decom::cli {

class Context;

/// Says what is wrong with a given text, or nothing.
using Check = std::function<std::string(const std::string& given)>;

/// A handle to one option, flag or place of a verb, to say more of it.
class Option {
 public:
  Option(CLI::Option& option, Context& ctx) : option_(&option), ctx_(&ctx) {}

  const Option& required() const;
  const Option& type_name(const std::string& name) const;  ///< what its value is called in help
  const Option& shows_default() const;                     ///< in help: the value that the variable has now
  const Option& check(Check what) const;
  const Option& excludes(const Option& other) const;
  const Option& one_a_time() const;  ///< takes one word each time it is given, not all that follow
  const Option& separated_by_commas() const;
  const Option& one_of(const std::vector<std::string>& words) const;    ///< refuses other words, and completes these
  const Option& suggests(const std::vector<std::string>& words) const;  ///< completes these, and takes others too
  const Option& completes(ValueSpec::Kind kind) const;

 private:
  CLI::Option* option_;
  Context* ctx_;
};

/// A handle to one verb, or to the program itself: all that the files of verbs need of CLI11, whose headers cost every
/// file that includes them seconds and 130 kB of the same code. Variables given to it must live until the verb has run.
class Verb {
 public:
  Verb(CLI::App& app, Context& ctx) : app_(&app), ctx_(&ctx) {}

  [[nodiscard]] Verb verb(const std::string& name, const std::string& text) const;
  [[nodiscard]] Verb hidden_verb(const std::string& name, const std::string& text) const;  ///< not in help
  const Verb& needs_a_verb() const;

  /// `names`: "-f,--file", or without dashes a place in the line. A vector takes as many words as are given.
  Option option(const std::string& names, std::string& value, const std::string& text = {}) const;
  Option option(const std::string& names, std::vector<std::string>& values, const std::string& text) const;
  Option option(const std::string& names, std::size_t& value, const std::string& text) const;
  Option option(const std::string& names, std::optional<std::int64_t>& value, const std::string& text) const;
  Option flag(const std::string& names, bool& value, const std::string& text) const;

  const Verb& footer(const std::string& text) const;  ///< below the options: examples
  /// What the verb does once the whole command line was found to be well formed. Returns the exit code.
  void run(std::function<int()> body) const;

  [[nodiscard]] CLI::App& app() const { return *app_; }  ///< for what describes all verbs

 private:
  CLI::App* app_;
  Context* ctx_;
};

}  // namespace decom::cli
