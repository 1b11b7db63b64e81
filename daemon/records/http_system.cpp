#include "daemon/records/http_system.hpp"

#include "daemon/records/http_exchange.hpp"

namespace decom {
namespace http {
namespace {

class HttpSystem final : public RecordSystem {
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
    return exchange(call).remove(machine, record);
  }
  std::string check(const RecordCall& call) override {
    session_.forgive();
    return exchange(call).control();
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
