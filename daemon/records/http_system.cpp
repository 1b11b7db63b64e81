#include "daemon/records/http_system.hpp"

#include "daemon/records/http_exchange.hpp"
#include "daemon/records/http_silence.hpp"
#include "daemon/records/silencer.hpp"

namespace decom {
namespace http {
namespace {

class HttpSystem final : public RecordSystem, public Silencer {
 public:
  HttpSystem(Recipe recipe, const RecordWorld& world)
      : recipe_(std::move(recipe)), world_(world), pace_(*world.clock, recipe_.rate) {}

  std::vector<Record> find(const Machine& machine, const RecordCall& call) override {
    return exchange(call).find(machine);
  }
  std::optional<Record> read(const Machine& machine, const std::string& id, const RecordCall& call) override {
    return exchange(call).read(machine, id);
  }
  std::string remove(const Machine& machine, const Record& record, const RecordCall& call) override {
    Exchange asked = exchange(call);
    if (recipe_.silence && recipe_.silence->lift_first) lift_before_removal(asked, recipe_, machine, record);
    return asked.remove(machine, record);
  }
  std::string check(const RecordCall& call) override {
    session_.forgive();
    Exchange asked = exchange(call);
    std::string seen = asked.control();
    if (recipe_.silence) check_silencing(asked, recipe_);
    return seen;
  }

  // ---- Silencer
  Silencer* silencer() override { return recipe_.silence ? this : nullptr; }
  [[nodiscard]] std::chrono::milliseconds lasts() const override { return recipe_.silence.value().lasts; }
  [[nodiscard]] bool asks_for_targets() const override { return !recipe_.silence.value().of_host; }
  std::vector<Record> targets(const Machine& machine, const RecordCall& call) override {
    return recipe_.silence.value().of_host ? host_to_silence(machine) : exchange(call).find(machine);
  }
  std::vector<FoundSilence> silences(const SilenceMark& mark, const RecordCall& call) override {
    Exchange asked = exchange(call);
    return Silences(asked, recipe_, mark).find();
  }
  void silence(const SilenceMark& mark, const std::string& words, Timestamp until, const RecordCall& call) override {
    Exchange asked = exchange(call);
    Silences(asked, recipe_, mark).set(words, world_.clock->now(), until);
  }
  std::size_t lift(const SilenceMark& mark, const RecordCall& call) override {
    Exchange asked = exchange(call);
    return Silences(asked, recipe_, mark).lift();
  }

 private:
  Exchange exchange(const RecordCall& call) { return {recipe_, world_, pace_, session_, call}; }

  const Recipe recipe_;
  const RecordWorld world_;
  Pace pace_;
  Session session_;
};

}  // namespace
}  // namespace http

RecordKind http_kind() {
  return {.name = "http",
          .summary = "a system that speaks HTTP, by a recipe",
          .make = [](DefinitionReader& reader, const RecordWorld& world) -> std::unique_ptr<RecordSystem> {
            const std::size_t before = reader.mistakes();
            http::Recipe recipe = http::read_recipe(reader);
            if (reader.mistakes() > before) return nullptr;
            return std::make_unique<http::HttpSystem>(std::move(recipe), world);
          }};
}

}  // namespace decom
