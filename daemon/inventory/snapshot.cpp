#include "daemon/inventory/snapshot.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "common/base/text.hpp"

namespace decom::inventory {
namespace {

/// Two neighbours that together have no more than this become one.
constexpr std::size_t kMergeBelow = kChunkRows / 2;

std::vector<Machine> unpacked(const Chunk& chunk, const RowSet& rows) {
  std::vector<Machine> machines;
  machines.reserve(rows.count());
  rows.each([&](std::size_t row) { machines.push_back(chunk.unpack(row)); });
  return machines;
}

void sort_by_key(std::vector<Machine>& machines) {
  std::vector<std::pair<RowKey, std::size_t>> order;
  order.reserve(machines.size());
  for (std::size_t i = 0; i < machines.size(); ++i) order.emplace_back(key_of(machines[i]), i);
  std::ranges::sort(order);
  std::vector<Machine> sorted;
  sorted.reserve(machines.size());
  for (const auto& [key, i] : order) sorted.push_back(std::move(machines[i]));
  machines = std::move(sorted);
}

/// In equal parts, so that what was split has room to grow.
void append_packed(std::span<const Machine> machines, Chunks& chunks, const Chunk* before = nullptr) {
  if (before != nullptr && machines.size() == before->rows()) {
    chunks.push_back(std::make_shared<const Chunk>(machines, *before));
    return;
  }
  const std::size_t parts = (machines.size() + kChunkRows - 1) / kChunkRows;
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t from = machines.size() * part / parts;
    const std::size_t to = machines.size() * (part + 1) / parts;
    chunks.push_back(std::make_shared<const Chunk>(machines.subspan(from, to - from)));
  }
}

}  // namespace

Snapshot::Snapshot(Chunks chunks) : chunks_(std::move(chunks)) {
  for (const auto& chunk : chunks_) machines_ += chunk->rows();
}

std::optional<Machine> Snapshot::find(std::string_view moref) const {
  const std::uint32_t hash = Chunk::hash_of_moref(moref);
  for (const auto& chunk : chunks_) {
    const auto hashes = chunk->moref_hashes();
    for (auto at = std::ranges::find(hashes, hash); at != hashes.end(); at = std::find(at + 1, hashes.end(), hash)) {
      const auto row = static_cast<std::size_t>(at - hashes.begin());
      if (chunk->moref(row) == moref) return chunk->unpack(row);
    }
  }
  return std::nullopt;
}

std::size_t Snapshot::place_of(const RowKey& key) const {
  const auto place =
      std::ranges::partition_point(chunks_, [&](const auto& chunk) { return chunk->key(chunk->rows() - 1) < key; });
  return static_cast<std::size_t>(place - chunks_.begin());
}

std::vector<Machine> Snapshot::named(std::string_view folded_name) const {
  std::vector<Machine> found;
  for (std::size_t place = place_of({std::string(folded_name), {}}); place < chunks_.size(); ++place) {
    const Chunk& chunk = *chunks_[place];
    for (std::size_t row = 0; row < chunk.rows(); ++row)
      if (chunk.name(row) == folded_name) found.push_back(chunk.unpack(row));
    if (chunk.name(chunk.rows() - 1) > folded_name) break;
  }
  return found;
}

Snapshot Snapshot::changed(std::vector<Machine> entered, const std::vector<std::string>& left) const {
  std::unordered_map<std::string, std::size_t> last;  // of several with one reference, the last
  std::unordered_set<std::uint32_t> hashes;
  for (std::size_t i = 0; i < entered.size(); ++i) {
    last[entered[i].identity.moref] = i;
    hashes.insert(Chunk::hash_of_moref(entered[i].identity.moref));
  }
  std::unordered_set<std::string> gone(left.begin(), left.end());
  for (const std::string& moref : left) hashes.insert(Chunk::hash_of_moref(moref));

  std::map<std::size_t, RowSet> kept;  // of the chunks that change
  for (std::size_t place = 0; place < chunks_.size(); ++place) {
    const Chunk& chunk = *chunks_[place];
    const auto row_hashes = chunk.moref_hashes();
    for (std::size_t row = 0; row < chunk.rows(); ++row) {
      if (!hashes.contains(row_hashes[row])) continue;
      const std::string moref = chunk.moref(row);
      if (!last.contains(moref) && !gone.contains(moref)) continue;
      kept.try_emplace(place, RowSet::first(chunk.rows())).first->second.remove(row);
    }
  }
  std::map<std::size_t, std::vector<Machine>> added;
  for (const auto& [moref, i] : last) {
    std::size_t place = place_of(key_of(entered[i]));
    if (place == chunks_.size() && place > 0) --place;
    added[place].push_back(std::move(entered[i]));
    if (place < chunks_.size()) kept.try_emplace(place, RowSet::first(chunks_[place]->rows()));
  }

  Chunks chunks;
  chunks.reserve(chunks_.size() + added.size());
  if (chunks_.empty() && !added.empty()) {
    sort_by_key(added[0]);
    append_packed(added[0], chunks);
  }
  bool last_was_touched = false;
  for (std::size_t place = 0; place < chunks_.size(); ++place) {
    const auto touched = kept.find(place);
    if (touched == kept.end()) {
      const bool merge = last_was_touched && chunks.back()->rows() + chunks_[place]->rows() <= kMergeBelow;
      if (merge) {
        std::vector<Machine> machines = unpacked(*chunks.back(), RowSet::first(chunks.back()->rows()));
        std::ranges::move(unpacked(*chunks_[place], RowSet::first(chunks_[place]->rows())),
                          std::back_inserter(machines));
        chunks.pop_back();
        append_packed(machines, chunks);
      } else {
        chunks.push_back(chunks_[place]);
      }
      last_was_touched = merge;
      continue;
    }
    std::vector<Machine> machines = unpacked(*chunks_[place], touched->second);
    if (const auto more = added.find(place); more != added.end()) {
      std::ranges::move(more->second, std::back_inserter(machines));
      sort_by_key(machines);
    }
    if (machines.empty()) continue;
    if (!chunks.empty() && chunks.back()->rows() + machines.size() <= kMergeBelow) {
      std::vector<Machine> before = unpacked(*chunks.back(), RowSet::first(chunks.back()->rows()));
      chunks.pop_back();
      machines.insert(machines.begin(), std::make_move_iterator(before.begin()), std::make_move_iterator(before.end()));
    }
    append_packed(machines, chunks, chunks_[place].get());
    last_was_touched = true;
  }
  return Snapshot(std::move(chunks));
}

void Load::add(std::vector<Machine> machines) {
  for (Machine& machine : machines) {
    waiting_.push_back(std::move(machine));
    if (waiting_.size() == kChunkRows) pack();
  }
}

void Load::remove(const std::vector<std::string>& morefs) {
  pack();
  for (const std::string& moref : morefs)
    entries_.push_back({{{}, moref}, static_cast<std::uint32_t>(entries_.size()), kGone, 0});
}

void Load::pack() {
  if (waiting_.empty()) return;
  for (std::size_t row = 0; row < waiting_.size(); ++row)
    entries_.push_back({key_of(waiting_[row]), static_cast<std::uint32_t>(entries_.size()),
                        static_cast<std::uint32_t>(packed_.size()), static_cast<std::uint32_t>(row)});
  packed_.push_back(std::make_shared<const Chunk>(waiting_, false));
  waiting_.clear();
}

Snapshot Load::finish() {
  pack();
  // The last word on each reference.
  std::ranges::sort(entries_, [](const Entry& a, const Entry& b) {
    return std::tie(a.key.moref, b.order) < std::tie(b.key.moref, a.order);
  });
  const auto repeated =
      std::ranges::unique(entries_, {}, [](const Entry& entry) -> const std::string& { return entry.key.moref; });
  entries_.erase(repeated.begin(), repeated.end());
  std::erase_if(entries_, [](const Entry& entry) { return entry.chunk == kGone; });
  std::ranges::sort(entries_, {}, &Entry::key);

  Chunks chunks;
  std::vector<Machine> machines;
  machines.reserve(kChunkRows);
  for (const Entry& entry : entries_) {
    machines.push_back(packed_[entry.chunk]->unpack(entry.row));
    if (machines.size() == kChunkRows || &entry == &entries_.back()) {
      chunks.push_back(std::make_shared<const Chunk>(machines));
      machines.clear();
    }
  }
  packed_ = Chunks();  // not = {}, which keeps the memory
  entries_ = std::vector<Entry>();
  return Snapshot(std::move(chunks));
}

}  // namespace decom::inventory
