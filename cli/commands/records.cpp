#include "cli/render/records.hpp"

#include <algorithm>

#include "cli/commands/listing.hpp"
#include "cli/commands/machines.hpp"
#include "cli/commands/verbs.hpp"
#include "cli/render/times.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

struct RecordsOptions {
  std::vector<std::string> machines;
  std::string file;
  api::Ghost ghost;
  std::vector<std::string> systems;
  OutputOptions output;
};

int records(const RecordsOptions& options, Context& ctx) {
  const api::Ghost& ghost = options.ghost;
  const bool is_ghost = !ghost.name.empty() || !ghost.host.empty() || !ghost.addresses.empty() || !ghost.uuid.empty();
  api::RecordsBody body{
      .machines = {}, .ghost = ghost, .systems = options.systems, .timeout_ms = ctx.time_for_the_daemon()};
  if (!is_ghost || !options.machines.empty() || !options.file.empty())
    body.machines = read_machines(options.machines, options.file).machines;
  const Json answer = ctx.client().post("/v1/records", body);
  const auto found = answer.get<api::RecordsAnswer>();
  if (options.output.kind() == Output::json && options.output.format.empty()) {
    static_cast<void>(options.output.print_value(ctx, answer));
  } else {
    const Style style = ctx.out();
    const Listing listing{record_fields(), "system", "id",
                          [style](const Json& rows, bool wide) { return record_table(rows, wide, style); }};
    const Json rows = record_rows(found);
    if (!rows.empty()) options.output.print_items(ctx, listing, rows);
    if (rows.empty()) ctx.note("no system of records is configured: decomd-records(5)\n");
  }
  for (const api::MachineRecords& machine : found.items)
    if (machine.retired)
      ctx.note(safe_for_terminal(fmt::format("{} is gone: it was retired on {}", machine.name,
                                             local_time(std::string_view(*machine.retired)))) +
               "\n");
  std::vector<std::string> unread;
  for (const api::MachineRecords& machine : found.items)
    for (const api::SystemRecords& system : machine.systems)
      if (system.state == "unread" && std::ranges::find(unread, system.system) == unread.end())
        unread.push_back(system.system);
  if (unread.empty()) return 0;
  ctx.note(safe_for_terminal("could not be asked: " + join(unread, ", ") + "; what they hold is not known") + "\n");
  return 1;
}

}  // namespace

void add_records(const Verb& program, Context& ctx) {
  auto options = std::make_shared<RecordsOptions>();
  const Verb verb = program.verb("records", "Show what other systems know of machines, also of those that are gone");
  verb.option("machines", options->machines,
              "Names that are unique, or ids such as lab:vm-123; - reads them from stdin")
      .type_name("VM")
      .completes(ValueSpec::Kind::machine);
  verb.option("-f,--file", options->file, "Read machines from a file, one a line")
      .type_name("FILE")
      .completes(ValueSpec::Kind::file);
  verb.option("--name", options->ghost.name, "Of a machine that is gone: its name").type_name("NAME");
  verb.option("--host", options->ghost.host, "Of a machine that is gone: the host name of its guest").type_name("HOST");
  verb.option("--ip", options->ghost.addresses, "Of a machine that is gone: an address; may be repeated")
      .type_name("ADDRESS")
      .one_a_time()
      .separated_by_commas();
  verb.option("--uuid", options->ghost.uuid, "Of a machine that is gone: its BIOS or instance UUID").type_name("UUID");
  verb.option("--system", options->systems, "Ask only this system; may be repeated")
      .type_name("SYSTEM")
      .one_a_time()
      .separated_by_commas();
  options->output.add(verb, {"table", "wide", "json", "ndjson", "csv", "name", "id"});
  verb.footer(
      "Asks every system of records.d at the same time, each with its own deadline. A record is proven where two "
      "facts\n"
      "of it are the machine's; none is proof that there is nothing; unread says nothing. Changes nothing.\n"
      "Exit code: 0 all could be asked, 1 some could not.\n\n"
      "Examples:\n"
      "  decomctl records web-prod-01\n"
      "  decomctl records --name web-prod-01 --ip 10.1.2.3\n"
      "  decomctl search folder:attic -o id | decomctl records --file - -o csv");
  verb.run([options, &ctx] { return records(*options, ctx); });
}

}  // namespace decom::cli
