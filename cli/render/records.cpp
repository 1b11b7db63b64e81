#include "cli/render/records.hpp"

#include <chrono>

#include <fmt/core.h>

#include "cli/render/table.hpp"
#include "common/base/clock.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

Color color_of_record(std::string_view state) {
  if (state == "proven") return Color::cyan;
  if (state == "none") return Color::green;
  if (state == "unread") return Color::red;
  return Color::yellow;
}

std::string took(std::int64_t elapsed_ms) { return to_text(std::chrono::milliseconds{elapsed_ms}); }

bool is_removal(const Json& row) { return row.at("effect").get<std::string>() == "remove"; }

/// Where it would not simply be removed, what would be done to it in front of it.
std::string words_for(const Json& row) {
  const auto what = row.at("what").get<std::string>();
  if (const auto done = row.at("done").get<std::string>(); !done.empty()) return what + " " + done;
  return is_removal(row) ? what : row.at("effect").get<std::string>() + " " + what;
}

/// What speaks for it, and then what does not.
std::string evidence_of(const Json& row) {
  std::vector<std::string> parts;
  for (const Json& fact : row.at("facts")) parts.push_back(fact.get<std::string>());
  for (const Json& fact : row.at("against")) parts.push_back("but " + fact.get<std::string>());
  if (const auto why = row.at("forbidden").get<std::string>(); !why.empty())
    parts.push_back((is_removal(row) ? "not removed: " : "left as it is: ") + why);
  return join(parts, ", ");
}

}  // namespace

Json record_rows(const api::RecordsAnswer& answer) {
  Json rows = Json::array();
  for (const api::MachineRecords& machine : answer.items) {
    for (const api::SystemRecords& system : machine.systems) {
      Json row{{"machine", machine.name},
               {"machine_id", machine.id.value_or("")},
               {"system", system.system},
               {"kind", system.kind},
               {"state", system.state},
               {"id", ""},
               {"what", ""},
               {"facts", Json::array()},
               {"against", Json::array()},
               {"forbidden", ""},
               {"effect", "remove"},
               {"done", ""},
               {"code", system.code.value_or("")},
               {"text", system.text},
               {"elapsed_ms", system.elapsed_ms}};
      for (const api::FoundRecord& record : system.records) {
        row.update({{"state", record.state},
                    {"id", record.id},
                    {"what", record.what},
                    {"facts", record.facts},
                    {"against", record.against},
                    {"forbidden", record.forbidden},
                    {"effect", record.effect},
                    {"done", record.done}});
        rows.push_back(row);
      }
      if (system.records.empty()) rows.push_back(std::move(row));
    }
  }
  return rows;
}

std::string record_table(const Json& rows, bool wide, const Style& style) {
  std::vector<Column> columns{{"MACHINE", false, Narrow::cut, 16},
                              {"SYSTEM"},
                              {"STATE"},
                              {"RECORD", false, Narrow::cut, 20},
                              {"FACTS", false, Narrow::cut, 16}};
  if (wide)
    for (const char* title : {"ID", "KIND", "TOOK"}) columns.push_back({title});
  Table table(columns);
  for (const Json& row : rows) {
    const auto text = [&](const char* key) { return row.at(key).get<std::string>(); };
    const std::string state = text("state");
    const std::string record = state == "unread" ? fmt::format("{}: {}", text("code"), text("text")) : words_for(row);
    std::vector<Cell> cells{text("machine"), text("system"), {state, color_of_record(state)}, record, evidence_of(row)};
    if (wide)
      for (const std::string& value : {text("id"), text("kind"), took(row.at("elapsed_ms").get<std::int64_t>())})
        cells.emplace_back(value);
    table.add(std::move(cells));
  }
  Style uncut = style;
  if (wide) uncut.width = 0;
  return table.text(uncut);
}

const std::vector<Field>& record_fields() {
  static const std::vector<Field> fields{{"machine", "machine"}, {"machine_id", "machine_id"},
                                         {"system", "system"},   {"kind", "kind"},
                                         {"state", "state"},     {"id", "id"},
                                         {"what", "what"},       {"facts", "facts"},
                                         {"against", "against"}, {"forbidden", "forbidden"},
                                         {"code", "code"},       {"text", "text"},
                                         {"effect", "effect"},   {"done", "done"}};
  return fields;
}

std::string render_steps(const api::Steps& steps, const Style& style) {
  Table kinds({{"KIND"}, {"UNDO"}, {"WHAT", false, Narrow::wrapped}});
  for (const api::KindOfStep& kind : steps.kinds)
    kinds.add({{kind.kind, Color::bold},
               kind.irreversible ? Cell{"never", Color::red} : Cell{"possible"},
               kind.removes_records ? "systems of this kind: " + kind.summary : kind.summary});
  std::string text = kinds.text(style) + "\n";
  if (steps.systems.empty()) return text + "no system of records is configured: decomd-records(5)\n";
  Table systems({{"SYSTEM"},
                 {"KIND"},
                 {"AFTER", false, Narrow::cut},
                 {"WHAT", false, Narrow::wrapped},
                 {"FILE", false, Narrow::cut}});
  std::string notes;
  for (const api::SystemOfRecords& system : steps.systems) {
    systems.add({{system.name, Color::bold}, system.kind, join(system.after, " "), system.summary, system.source});
    if (!system.unverified.empty())
      notes +=
          painted(style, Color::yellow, safe_for_terminal(system.name + " is unverified: " + system.unverified)) + "\n";
  }
  return text + systems.text(style) + notes;
}

const std::vector<Field>& system_fields() {
  static const std::vector<Field> fields{{"name", "name"},
                                         {"kind", "kind"},
                                         {"summary", "summary"},
                                         {"source", "source"},
                                         {"deadline_ms", "deadline_ms"},
                                         {"after", "after"},
                                         {"on_failure", "on_failure"},
                                         {"unverified", "unverified"}};
  return fields;
}

std::string render_tests(const std::vector<api::SystemTest>& tests, const Style& style) {
  Table table({{"SYSTEM"}, {"KIND"}, {"STATE"}, {"TOOK"}, {"WHAT", false, Narrow::wrapped}});
  for (const api::SystemTest& test : tests)
    table.add({{test.system, Color::bold},
               test.kind,
               test.ok ? Cell{"ok", Color::green} : Cell{test.code.value_or("failed"), Color::red},
               took(test.elapsed_ms),
               test.text});
  return table.text(style);
}

const std::vector<Field>& test_fields() {
  static const std::vector<Field> fields{{"system", "system"}, {"kind", "kind"}, {"ok", "ok"},
                                         {"code", "code"},     {"text", "text"}, {"elapsed_ms", "elapsed_ms"}};
  return fields;
}

}  // namespace decom::cli
