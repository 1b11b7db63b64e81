#include "cli/render/people.hpp"

#include "cli/render/table.hpp"
#include "cli/render/times.hpp"
#include "common/base/text.hpp"

namespace decom::cli {

std::string render_whoami(const api::WhoAmI& who, const Style& style) {
  Facts facts;
  facts.add("user", who.user);
  facts.add("upn", who.upn);
  facts.add("sid", who.sid);
  facts.add("roles", who.roles.empty() ? "none" : join(who.roles, " "),
            who.roles.empty() ? Color::yellow : Color::none);
  facts.add("uid", std::to_string(who.uid));
  facts.add("expires", local_time(std::string_view(who.expires)));
  return facts.text(style);
}

std::string token_table(const std::vector<api::TokenRow>& rows, const Style& style) {
  Table table(
      {{"ID"}, {"NAME", false, Narrow::cut}, {"USER", false, Narrow::cut}, {"CREATED"}, {"EXPIRES"}, {"STATE"}});
  for (const api::TokenRow& row : rows)
    table.add({row.id, row.name, row.user, local_time(std::string_view(row.created)),
               local_time(std::string_view(row.expires)),
               row.revoked ? Cell{"revoked", Color::dim} : Cell{"valid", Color::green}});
  return table.text(style);
}

const std::vector<Field>& token_fields() {
  static const std::vector<Field> fields{{"id", "id"},           {"name", "name"},       {"user", "user"},
                                         {"created", "created"}, {"expires", "expires"}, {"revoked", "revoked"}};
  return fields;
}

std::string render_freeze(const api::Freeze& freeze, const Style& style) {
  if (!freeze.frozen) return painted(style, Color::green, "thawed") + ": irreversible steps may run\n";
  Facts facts;
  facts.add("frozen", "no irreversible step begins", Color::cyan);
  facts.add("by", freeze.who);
  facts.add("since", local_time(freeze.at));
  facts.add("reason", freeze.reason);
  return facts.text(style);
}

std::string render_checks(const std::vector<api::Check>& checks, const Style& style) {
  std::string text;
  for (const api::Check& check : checks) {
    const std::string level = check.level + std::string(check.level.size() < 8 ? 8 - check.level.size() : 0, ' ');
    text += painted(style, color_of_level(check.level), safe_for_terminal(level)) + "  " +
            painted(style, Color::bold, safe_for_terminal(check.name)) + ": " + safe_for_terminal(check.text) + "\n";
    for (const std::string& line : split(check.hint, '\n'))
      if (!line.empty()) text += "          " + safe_for_terminal(line) + "\n";
  }
  return text;
}

}  // namespace decom::cli
