#include "daemon/server/journal_reader.hpp"
#include "daemon/server/server.hpp"

namespace decom {
namespace {

class StoreJournal final : public JournalReader {
 public:
  explicit StoreJournal(const Store& store) : store_(store) {}
  std::vector<Event> events(const EventFilter& filter) const override { return store_.events(filter); }
  std::int64_t last_seq() const override { return store_.last_seq(); }

 private:
  const Store& store_;
};

}  // namespace

Server::Server(ServerOptions options, HttpHandler& handler, const Store& store)
    : Server(std::move(options), handler, std::make_unique<StoreJournal>(store)) {}

}  // namespace decom
