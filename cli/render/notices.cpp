#include "cli/render/notices.hpp"

#include <chrono>

#include <fmt/core.h>

#include "cli/render/table.hpp"
#include "cli/render/times.hpp"
#include "common/base/clock.hpp"
#include "common/base/text.hpp"

namespace decom::cli {

std::string render_channels(const std::vector<api::NoticeChannel>& channels, const Style& style) {
  if (channels.empty()) return "nobody is told of anything: no channel is configured, decomd-notices(5)\n";
  Table table({{"CHANNEL"},
               {"KIND"},
               {"ON", false, Narrow::cut},
               {"WHERE", false, Narrow::cut},
               {"TOLD", true},
               {"FAILED", true},
               {"WAITING", true},
               {"LAST"}});
  std::string notes;
  for (const api::NoticeChannel& channel : channels) {
    const auto number = [](std::int64_t count) { return std::to_string(count); };
    table.add({{channel.name, Color::bold},
               channel.shape.empty() ? channel.kind : channel.kind + " " + channel.shape,
               join(channel.on, " "),
               channel.where,
               number(channel.told),
               channel.failed == 0 ? Cell{"0"} : Cell{number(channel.failed), Color::red},
               channel.waiting == 0 ? Cell{"0"} : Cell{number(channel.waiting), Color::yellow},
               local_time(channel.last_told)});
    if (!channel.trouble.empty())
      notes += painted(style, Color::yellow,
                       safe_for_terminal(
                           fmt::format("{}, {}: {}", channel.name, local_time(channel.trouble_at), channel.trouble))) +
               "\n";
  }
  return table.text(style) + notes;
}

const std::vector<Field>& channel_fields() {
  static const std::vector<Field> fields{
      {"name", "name"},           {"kind", "kind"},       {"shape", "shape"},
      {"where", "where"},         {"source", "source"},   {"on", "on"},
      {"told", "told"},           {"failed", "failed"},   {"waiting", "waiting"},
      {"last_told", "last_told"}, {"trouble", "trouble"}, {"trouble_at", "trouble_at"}};
  return fields;
}

std::string render_notice_tests(const std::vector<api::NoticeTest>& tests, const Style& style) {
  if (tests.empty()) return "no channel is configured: decomd-notices(5)\n";
  Table table({{"CHANNEL"}, {"STATE"}, {"TOOK"}, {"WHAT", false, Narrow::wrapped}});
  for (const api::NoticeTest& test : tests)
    table.add({{test.channel, Color::bold},
               test.ok ? Cell{"sent", Color::green} : Cell{"failed", Color::red},
               to_text(std::chrono::milliseconds{test.elapsed_ms}),
               test.text});
  return table.text(style);
}

const std::vector<Field>& notice_test_fields() {
  static const std::vector<Field> fields{
      {"channel", "channel"}, {"ok", "ok"}, {"text", "text"}, {"elapsed_ms", "elapsed_ms"}};
  return fields;
}

}  // namespace decom::cli
