#include "cli/commands/verb.hpp"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "cli/commands/context.hpp"

namespace decom::cli {

const Option& Option::required() const {
  option_->required();
  return *this;
}

const Option& Option::type_name(const std::string& name) const {
  option_->type_name(name);
  return *this;
}

const Option& Option::shows_default() const {
  option_->capture_default_str();
  return *this;
}

const Option& Option::check(Check what) const {
  option_->check(std::move(what));
  return *this;
}

const Option& Option::excludes(const Option& other) const {
  option_->excludes(other.option_);
  return *this;
}

const Option& Option::one_a_time() const {
  option_->allow_extra_args(false);
  return *this;
}

const Option& Option::separated_by_commas() const {
  option_->delimiter(',');
  return *this;
}

const Option& Option::one_of(const std::vector<std::string>& words) const {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : "|") + word;
  suggests(words);
  type_name(list);
  return check([words, list](const std::string& given) {
    return std::ranges::find(words, given) != words.end() ? std::string{} : "'" + given + "' is not one of " + list;
  });
}

const Option& Option::suggests(const std::vector<std::string>& words) const {
  ctx_->values[option_] = {ValueSpec::Kind::words, words};
  return *this;
}

const Option& Option::completes(ValueSpec::Kind kind) const {
  ctx_->values[option_] = {kind, {}};
  return *this;
}

Verb Verb::verb(const std::string& name, const std::string& text) const {
  return {*app_->add_subcommand(name, text), *ctx_};
}

Verb Verb::hidden_verb(const std::string& name, const std::string& text) const {
  return {*app_->add_subcommand(name, text)->group(""), *ctx_};
}

const Verb& Verb::needs_a_verb() const {
  app_->require_subcommand(1);
  return *this;
}

Option Verb::option(const std::string& names, std::string& value, const std::string& text) const {
  return {*app_->add_option(names, value, text), *ctx_};
}

Option Verb::option(const std::string& names, std::vector<std::string>& values, const std::string& text) const {
  return {*app_->add_option(names, values, text), *ctx_};
}

Option Verb::option(const std::string& names, std::size_t& value, const std::string& text) const {
  return {*app_->add_option(names, value, text), *ctx_};
}

Option Verb::option(const std::string& names, std::optional<std::int64_t>& value, const std::string& text) const {
  return {*app_->add_option(names, value, text), *ctx_};
}

Option Verb::flag(const std::string& names, bool& value, const std::string& text) const {
  return {*app_->add_flag(names, value, text), *ctx_};
}

const Verb& Verb::footer(const std::string& text) const {
  app_->footer(text);
  return *this;
}

void Verb::run(std::function<int()> body) const {
  app_->callback([ctx = ctx_, body = std::move(body)] { ctx->run = body; });
}

}  // namespace decom::cli
