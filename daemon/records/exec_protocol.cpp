#include "daemon/records/exec_protocol.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "common/base/error.hpp"
#include "common/base/json.hpp"
#include "common/base/text.hpp"

namespace decom {
namespace {

constexpr std::size_t kLongestLine = 64 * 1024;
constexpr std::size_t kMostRecords = 1'000;
constexpr std::size_t kMostTexts = 200;
constexpr std::size_t kLongestText = 2'000;
constexpr std::size_t kLongestId = 1'024;

struct StatusName {
  ExecStatus status;
  std::string_view name;
};
constexpr std::array kStatusNames{StatusName{ExecStatus::ok, "ok"},         StatusName{ExecStatus::gone, "gone"},
                                  StatusName{ExecStatus::denied, "denied"}, StatusName{ExecStatus::retry, "retry"},
                                  StatusName{ExecStatus::failed, "failed"}, StatusName{ExecStatus::changed, "changed"}};

/// Cut where no character is torn apart.
std::string shortened(std::string text) {
  if (text.size() <= kLongestText) return text;
  std::size_t end = kLongestText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

/// Takes one line apart, and knows which of its keys nobody asked for.
class Line {
 public:
  explicit Line(const nlohmann::json& object) : object_(object) { known_.emplace_back("type"); }

  std::string text(const std::string& key, bool required) {
    const nlohmann::json* value = take(key);
    if (value == nullptr) {
      if (required) throw Error{ErrorCode::protocol, "'{}' is missing", key};
      return {};
    }
    if (!value->is_string()) throw Error{ErrorCode::protocol, "'{}' is no string", key};
    if (required && value->get_ref<const std::string&>().empty())
      throw Error{ErrorCode::protocol, "'{}' is empty", key};
    return value->get<std::string>();
  }

  /// A string, or a list of them.
  std::vector<std::string> texts(const std::string& key) {
    const nlohmann::json* value = take(key);
    return value == nullptr ? std::vector<std::string>{} : texts_of(key, *value);
  }

  Testimony facts(const std::string& key) {
    const nlohmann::json* value = take(key);
    if (value == nullptr) throw Error{ErrorCode::protocol, "'{}' is missing", key};
    if (!value->is_object()) throw Error{ErrorCode::protocol, "'{}' is no object", key};
    Testimony facts;
    for (const auto& [name, one] : value->items()) {
      const std::vector<std::string> said = one.is_null() ? std::vector<std::string>{} : texts_of(name, one);
      if (name == "name" || name == "host")
        facts.names.insert(facts.names.end(), said.begin(), said.end());
      else if (name == "ip")
        facts.addresses = said;
      else if (name == "uuid")
        facts.uuids = said;
      else if (name == "mac")
        facts.macs = said;
      else
        throw Error{ErrorCode::protocol, "'{}' has '{}'; expected name, host, ip, uuid or mac", key, name};
    }
    return facts;
  }

  std::optional<double> number(const std::string& key) {
    const nlohmann::json* value = take(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) throw Error{ErrorCode::protocol, "'{}' is no number", key};
    return value->get<double>();
  }

  /// A misspelled key must not be passed over: it may be the one that speaks against a removal.
  void nothing_else() const {
    for (const auto& [key, value] : object_.items())
      if (std::ranges::find(known_, key) == known_.end())
        throw Error{ErrorCode::protocol, "'{}' is not known there", key};
  }

 private:
  const nlohmann::json* take(const std::string& key) {
    known_.push_back(key);
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }

  static std::vector<std::string> texts_of(const std::string& key, const nlohmann::json& value) {
    std::vector<std::string> all;
    const auto add = [&](const nlohmann::json& one) {
      if (!one.is_string()) throw Error{ErrorCode::protocol, "'{}' is no string, nor a list of strings", key};
      if (!one.get_ref<const std::string&>().empty()) all.push_back(one.get<std::string>());
    };
    if (value.is_array())
      std::ranges::for_each(value, add);
    else
      add(value);
    return all;
  }

  const nlohmann::json& object_;
  std::vector<std::string> known_;
};

}  // namespace

std::string_view to_string(ExecVerb verb) {
  switch (verb) {
    case ExecVerb::describe: return "describe";
    case ExecVerb::observe: return "observe";
    case ExecVerb::apply: break;
  }
  return "apply";
}

std::string exec_input(const Machine* machine, const Record* record) {
  nlohmann::json input{{"protocol", 1}};
  if (machine != nullptr) {
    nlohmann::json uuids = nlohmann::json::array();
    for (const std::string& uuid : {machine->bios_uuid, machine->identity.instance_uuid})
      if (!uuid.empty()) uuids.push_back(uuid);
    input["machine"] = {{"id", machine->id()},
                        {"name", machine->name},
                        {"host_name", machine->guest_host_name},
                        {"addresses", machine->ip_addresses},
                        {"uuids", std::move(uuids)},
                        {"macs", machine->mac_addresses},
                        {"os", to_string(machine->family)},
                        {"guest_id", machine->guest_id},
                        {"vcenter", machine->vcenter},
                        {"datacenter", machine->datacenter},
                        {"cluster", machine->cluster},
                        {"folder", machine->folder},
                        {"tags", machine->tags},
                        {"attributes", machine->attributes},
                        {"owner", machine->owner()},
                        {"annotation", machine->annotation},
                        {"power", to_string(machine->power)}};
  }
  if (record != nullptr) input["record"] = {{"id", record->id}, {"what", record->what}, {"before", record->before}};
  // What vSphere says need not be UTF-8 by the letter; a program must be able to read it.
  return input.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

ExecOutput::ExecOutput(ExecVerb verb, Say say) : verb_(verb), say_(std::move(say)) {}

void ExecOutput::take(std::string_view piece) {
  while (!piece.empty() && mistake_.empty()) {
    const auto end = piece.find('\n');
    line_ += piece.substr(0, end);
    if (line_.size() > kLongestLine) {
      ++number_;
      return wrong(fmt::format("it is longer than {} KiB", kLongestLine / 1024));
    }
    if (end == std::string_view::npos) return;
    take_line(line_);
    line_.clear();
    piece.remove_prefix(end + 1);
  }
}

void ExecOutput::finish() {
  if (!mistake_.empty()) return;
  if (!line_.empty()) {
    ++number_;
    return wrong("it has no end: a line ends with a newline");
  }
  if (!outcome_) mistake_ = number_ == 0 ? "it wrote nothing" : "it wrote no result";
}

void ExecOutput::wrong(std::string what) {
  if (mistake_.empty()) mistake_ = fmt::format("line {} of its output: {}", number_, what);
}

void ExecOutput::take_line(std::string_view text) {
  ++number_;
  try {
    if (!is_valid_utf8(text)) throw Error{ErrorCode::protocol, "it is not UTF-8"};
    const nlohmann::json line = parse_json(text);
    if (!line.is_object()) throw Error{ErrorCode::protocol, "it is no JSON object"};
    if (outcome_)
      throw Error{ErrorCode::protocol, "it comes after the result, which must be the last line, and the only one"};
    Line read(line);
    const auto type = line.find("type");
    const std::string kind = type != line.end() && type->is_string() ? type->get<std::string>() : std::string{};
    if (kind == "log" || kind == "warning") {
      const std::string message = read.text("message", true);
      read.nothing_else();
      say(kind == "warning", message);
    } else if (kind == "progress") {
      const auto percent = read.number("percent");
      const std::string message = read.text("message", false);
      read.nothing_else();
      if (percent && !(*percent >= 0 && *percent <= 100))
        throw Error{ErrorCode::protocol, "'percent' is not from 0 to 100"};
      say(false, percent ? fmt::format("{:.0f} % {}", *percent, message) : message);
    } else if (kind == "record") {
      take_record(line);
    } else if (kind == "result") {
      take_result(line);
    } else {
      throw Error{ErrorCode::protocol, "its 'type' is none of log, warning, progress, record, result"};
    }
  } catch (const Error& e) {
    wrong(e.what());
  }
}

void ExecOutput::take_record(const nlohmann::json& line) {
  if (verb_ != ExecVerb::observe) throw Error{ErrorCode::protocol, "only 'observe' writes records"};
  Line read(line);
  ExecRecord one;
  one.record.id = read.text("id", true);
  one.record.what = read.text("what", true);
  one.record.before = read.text("before", true);
  one.facts = read.facts("facts");
  one.record.against = read.texts("against");
  one.record.forbidden = read.text("forbidden", false);
  read.nothing_else();
  if (one.record.id.size() > kLongestId) throw Error{ErrorCode::protocol, "'id' is longer than {} bytes", kLongestId};
  if (std::ranges::any_of(records_, [&](const ExecRecord& r) { return r.record.id == one.record.id; }))
    throw Error{ErrorCode::protocol, "it has the id of another record"};
  if (records_.size() == kMostRecords) throw Error{ErrorCode::protocol, "there are more than {} records", kMostRecords};
  records_.push_back(std::move(one));
}

void ExecOutput::take_result(const nlohmann::json& line) {
  Line read(line);
  ExecOutcome outcome;
  const std::string status = read.text("status", true);
  const auto* const row = std::ranges::find(kStatusNames, status, &StatusName::name);
  if (row == kStatusNames.end())
    throw Error{ErrorCode::protocol, "its 'status' is none of ok, gone, denied, retry, failed, changed"};
  outcome.status = row->status;
  outcome.message = shortened(read.text("message", false));
  outcome.control = shortened(read.text("control", false));
  if (verb_ == ExecVerb::describe) {
    const bool good = outcome.status == ExecStatus::ok;
    outcome.name = shortened(read.text("name", good));
    outcome.version = shortened(read.text("version", good));
    outcome.can = read.texts("can");
    if (outcome.status == ExecStatus::gone) throw Error{ErrorCode::protocol, "'describe' cannot answer 'gone'"};
  }
  read.nothing_else();
  if (verb_ != ExecVerb::apply && outcome.status == ExecStatus::changed)
    throw Error{ErrorCode::protocol, "only 'apply' answers 'changed'"};
  if (verb_ == ExecVerb::observe) {
    const bool proves = outcome.status == ExecStatus::ok || outcome.status == ExecStatus::gone;
    if (proves && outcome.control.empty())
      throw Error{ErrorCode::protocol,
                  "it has no 'control': without something that was read and must exist, absence is not proven"};
    if (outcome.status == ExecStatus::gone && !records_.empty())
      throw Error{ErrorCode::protocol, "it says 'gone' behind a record"};
  }
  outcome_ = std::move(outcome);
}

void ExecOutput::say(bool warning, const std::string& text) {
  if (!say_ || said_ > kMostTexts) return;
  if (++said_ > kMostTexts) return say_(true, "it says more than anybody would read; the rest is left out");
  say_(warning, shortened(text));
}

}  // namespace decom
