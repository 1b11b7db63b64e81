#include "cli/commands/machines.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iostream>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

void read_lines(std::istream& in, const std::string& name, std::vector<std::string>& into) {
  constexpr std::size_t kMost = 100'000;
  std::string line;
  while (std::getline(in, line)) {
    const std::string_view text = trimmed(line);
    if (text.empty() || text.starts_with('#')) continue;
    into.emplace_back(text);
    if (into.size() > kMost) throw Error{ErrorCode::usage, "{} lists more than {} machines", name, kMost};
  }
  if (in.bad()) throw Error{ErrorCode::usage, "cannot read {}", name};
}

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number > 0;
}

}  // namespace

MachineList read_machines(const std::vector<std::string>& typed, const std::string& file) {
  MachineList list;
  for (const std::string& machine : typed) {
    if (machine == "-")
      list.from_stdin = true;
    else
      list.machines.push_back(machine);
  }
  if (file == "-") {
    list.from_stdin = true;
  } else if (!file.empty()) {
    std::ifstream in(file);
    if (!in) throw Error{ErrorCode::usage, "cannot read {}: {}", file, std::strerror(errno)};
    read_lines(in, file, list.machines);
  }
  if (list.from_stdin) read_lines(std::cin, "stdin", list.machines);
  if (list.machines.empty()) throw Error{ErrorCode::usage, "no machine was named"};
  return list;
}

std::string RequestRef::machine_id() const { return fmt::format("{}.{}", request, machine.value_or(0)); }

std::optional<RequestRef> request_ref(const std::string& text) {
  RequestRef ref;
  std::string_view rest = text;
  if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
    ref.step = rest.substr(slash + 1);
    rest = rest.substr(0, slash);
    if (ref.step.empty()) return std::nullopt;
  }
  if (const auto dot = rest.find('.'); dot != std::string_view::npos) {
    int machine = 0;
    if (!read_number(rest.substr(dot + 1), machine)) return std::nullopt;
    ref.machine = machine;
    rest = rest.substr(0, dot);
  }
  if (!read_number(rest, ref.request)) return std::nullopt;
  return ref;
}

RequestRef parse_request_ref(const std::string& text) {
  if (auto ref = request_ref(text)) return *ref;
  throw Error{ErrorCode::usage, "'{}' is not a request: they are numbers, such as 17, or 17.3 for its third machine",
              text};
}

void RequestOptions::add(const Verb& verb) {
  verb.option("request", request, "17, or 17.3 for its third machine")
      .required()
      .type_name("REQUEST")
      .completes(ValueSpec::Kind::request);
  verb.option("--vm", machines, "Only this machine of it, as 17.3 or by name; may be repeated")
      .type_name("VM")
      .one_a_time();
}

std::vector<std::string> RequestOptions::machines_of(const RequestRef& ref) const {
  std::vector<std::string> wanted = machines;
  if (ref.machine) wanted.push_back(ref.machine_id());
  return wanted;
}

}  // namespace decom::cli
