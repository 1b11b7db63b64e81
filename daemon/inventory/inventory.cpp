#include "daemon/inventory/inventory.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "common/base/text.hpp"
#include "daemon/inventory/match.hpp"
#include "daemon/inventory/mirror.hpp"
#include "daemon/inventory/search.hpp"

namespace decom {
namespace {

using namespace inventory;

constexpr std::size_t kMostMachines = 10'000;
/// Enough candidates for an edit distance that a person waits for.
constexpr std::size_t kNameCandidates = 512;
/// A vCenter that is followed gives a sign of life every ten seconds, and one that is restarted is back within minutes.
constexpr std::chrono::minutes kKnownFor{3};
constexpr std::size_t kNetbiosName =
    15;  // a NetBIOS computer name is the first 15 characters of the host name [MS-NBTE]

std::string_view without_dot(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

/// Whether a machine of name `borne` may be who is meant by `wanted`; both folded. Of two qualified names all labels
/// count; where one is a bare label, only that one does. It rather says yes: what is borne by a machine is left alone.
bool is_borne(std::string_view wanted, std::string_view borne) {
  borne = without_dot(borne);
  if (borne.empty()) return false;
  if (wanted == borne) return true;
  const bool wanted_bare = wanted.find('.') == std::string_view::npos;
  const bool borne_bare = borne.find('.') == std::string_view::npos;
  if ((wanted_bare || borne_bare) && first_label(wanted) == first_label(borne)) return true;
  return wanted_bare && wanted.size() == kNetbiosName && first_label(borne).starts_with(wanted);
}

}  // namespace

class Inventory::Impl {
 public:
  Impl(std::vector<std::unique_ptr<MirrorFeed>> feeds, Clock& clock) : clock_(clock) {
    for (auto& feed : feeds) mirrors_.push_back(std::make_unique<Mirror>(std::move(feed), clock));
  }
  ~Impl() { stop(); }

  void start() {
    for (const auto& mirror : mirrors_) mirror->start();
  }
  void stop() {
    for (const auto& mirror : mirrors_) mirror->request_stop();  // all at once, then wait
    for (const auto& mirror : mirrors_) mirror->stop();
  }

  SearchResult search(const SearchQuery& query) const {
    if (query.limit < 1 || query.limit > kMostMachines)
      throw Error{ErrorCode::usage, "cannot return {} machines at once: the limit is 1 to {}", query.limit,
                  kMostMachines};
    ParseContext context{clock_.now(), {}};
    for (const auto& mirror : mirrors_) context.vcenters.push_back(mirror->name());
    const Node node = parse_query(query.text, context);
    const SortOrder order = parse_sort(query.sort);
    const std::uint32_t hash = hash_of_query(query.text, query.sort);
    std::optional<Position> after;
    if (!query.cursor.empty()) after = parse_cursor(query.cursor, hash).after;

    SearchResult result;
    std::vector<std::shared_ptr<const Snapshot>> sources;
    std::uint64_t generation = 0;
    for (const auto& mirror : mirrors_) {
      Mirror::View view = mirror->view();
      generation += view.state.generation;
      result.mirrors.push_back(std::move(view.state));
      sources.push_back(std::move(view.snapshot));
    }
    Page page = find_page(sources, node, order, query.limit, after);
    result.machines = std::move(page.machines);
    result.total = page.total;
    result.total_is_at_least = page.total_is_at_least;
    if (page.next) result.next = to_text(Cursor{generation, hash, std::move(*page.next)});
    return result;
  }

  std::optional<Machine> by_id(const std::string& id) const {
    const auto colon = id.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    for (const auto& mirror : mirrors_)
      if (mirror->name() == std::string_view(id).substr(0, colon))
        return mirror->view().snapshot->find(std::string_view(id).substr(colon + 1));
    return std::nullopt;
  }

  std::vector<Machine> by_name(const std::string& name) const {
    std::vector<Machine> found;
    for (const auto& mirror : mirrors_)
      std::ranges::move(mirror->view().snapshot->named(folded(name)), std::back_inserter(found));
    return found;
  }

  std::vector<std::string> nearest_names(const std::string& name, std::size_t most) const {
    const std::string wanted = folded(name.substr(0, 128));
    std::vector<std::pair<std::size_t, std::string>> ranked;  // trigrams in common, and the name
    for (const auto& mirror : mirrors_) {
      const auto snapshot = mirror->view().snapshot;
      for (const auto& chunk : snapshot->chunks()) {
        std::vector<std::uint16_t> shared(chunk->rows());
        chunk->index().count_shared(wanted, shared);
        for (std::size_t row = 0; row < chunk->rows(); ++row)
          // A short name with one typing mistake may have no trigram left, and there the length alone has to do.
          if (shared[row] > 0 || (wanted.size() < 6 && chunk->name(row).size() < 8))
            ranked.emplace_back(shared[row], std::string(chunk->name(row)));
      }
    }
    const auto better = [](const auto& a, const auto& b) { return a.first > b.first; };
    if (ranked.size() > kNameCandidates) {
      std::ranges::nth_element(ranked, ranked.begin() + kNameCandidates, better);
      ranked.resize(kNameCandidates);
    }
    std::vector<std::string> candidates;
    std::unordered_set<std::string> seen;
    for (auto& [shared, candidate] : ranked)
      if (seen.insert(candidate).second) candidates.push_back(std::move(candidate));
    std::vector<std::string> names = nearest(wanted, candidates, most);
    for (std::string& found : names)  // as it is written
      if (const auto machines = by_name(found); !machines.empty()) found = machines.front().name;
    return names;
  }

  std::vector<Machine> bearing(const std::string& name_or_address) const {
    const std::string folded_text = folded(trimmed(name_or_address));
    std::string_view wanted = without_dot(folded_text);
    if (wanted.ends_with('$')) wanted.remove_suffix(1);  // as Active Directory writes an account of a computer
    const auto address = parse_address(wanted);
    const std::string label(first_label(wanted));
    std::vector<Machine> found;
    if (!address && label.empty()) return found;
    const Node by_address{
        Node::Kind::term, {}, InNetwork{Network{address.value_or(Address{}), address && address->v6 ? 128U : 32U}}};
    for (const auto& mirror : mirrors_) {
      const auto snapshot = mirror->view().snapshot;
      for (const auto& chunk : snapshot->chunks()) {
        const RowSet rows = address ? matching(by_address, *chunk, RowSet::first(chunk->rows()))
                                    : chunk->index().candidates(label).where([&](std::size_t row) {
                                        return is_borne(wanted, chunk->name(row)) || is_borne(wanted, chunk->host(row));
                                      });
        rows.each([&](std::size_t row) { found.push_back(chunk->unpack(row)); });
      }
    }
    return found;
  }

  std::vector<Machine> bearing_now(const std::string& name_or_address) const {
    for (const auto& mirror : mirrors_) {
      const MirrorState state = mirror->view().state;
      if (state.whole_at && clock_.steady() - *state.whole_at <= kKnownFor) continue;
      throw Error{ErrorCode::unreachable,
                  "vCenter {} is not followed{}: whether a machine there bears '{}' by now is not known", state.vcenter,
                  state.trouble.empty() ? std::string{} : " (" + state.trouble + ")", name_or_address};
    }
    return bearing(name_or_address);
  }

  std::vector<MirrorState> states() const {
    std::vector<MirrorState> states;
    for (const auto& mirror : mirrors_) states.push_back(mirror->view().state);
    return states;
  }

  void wait_until_loaded(std::chrono::milliseconds most) const {
    const auto until = clock_.steady() + most;
    for (const auto& mirror : mirrors_)
      if (!mirror->wait_until_settled(until)) return;
  }

 private:
  Clock& clock_;
  std::vector<std::unique_ptr<Mirror>> mirrors_;
};

Inventory::Inventory(std::vector<std::unique_ptr<MirrorFeed>> feeds, Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(feeds), clock)) {}
Inventory::~Inventory() = default;

void Inventory::start() { impl_->start(); }
void Inventory::stop() { impl_->stop(); }
SearchResult Inventory::search(const SearchQuery& query) const { return impl_->search(query); }
std::optional<Machine> Inventory::by_id(const std::string& id) const { return impl_->by_id(id); }
std::vector<Machine> Inventory::by_name(const std::string& name) const { return impl_->by_name(name); }
std::vector<std::string> Inventory::nearest_names(const std::string& name, std::size_t most) const {
  return impl_->nearest_names(name, most);
}
std::vector<Machine> Inventory::bearing(const std::string& name_or_address) const {
  return impl_->bearing(name_or_address);
}
std::vector<Machine> Inventory::bearing_now(const std::string& name_or_address) const {
  return impl_->bearing_now(name_or_address);
}
std::vector<MirrorState> Inventory::states() const { return impl_->states(); }
void Inventory::wait_until_loaded(std::chrono::milliseconds most) const { impl_->wait_until_loaded(most); }

std::vector<Finding> Inventory::fields() {
  std::vector<Finding> lines;
  for (const FieldInfo& field : all_fields()) lines.push_back({std::string(field.name), std::string(field.help)});
  return lines;
}

}  // namespace decom
