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

using Source = Chunk::Source;

void append_rows(const Chunk& chunk, const RowSet& rows, std::vector<Source>& sources) {
  rows.each([&](std::size_t row) { sources.push_back({.chunk = &chunk, .row = row}); });
}

void sort_by_key(std::vector<Source>& sources) {
  std::vector<std::pair<RowKey, Source>> order;
  order.reserve(sources.size());
  for (const Source& source : sources) order.emplace_back(source.key(), source);
  std::ranges::sort(order, {}, &std::pair<RowKey, Source>::first);
  std::ranges::transform(order, sources.begin(), &std::pair<RowKey, Source>::second);
}

/// In equal parts, so that what was split has room to grow.
void append_packed(std::span<const Source> sources, Chunks& chunks) {
  const std::size_t parts = (sources.size() + kChunkRows - 1) / kChunkRows;
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t from = sources.size() * part / parts;
    const std::size_t to = sources.size() * (part + 1) / parts;
    chunks.push_back(std::make_shared<const Chunk>(sources.subspan(from, to - from)));
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
  std::map<std::size_t, std::vector<Source>> added;
  for (const auto& [moref, i] : last) {
    std::size_t place = place_of(key_of(entered[i]));
    if (place == chunks_.size() && place > 0) --place;
    added[place].push_back({.machine = &entered[i]});
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
    const Chunk& chunk = *chunks_[place];
    const auto touched = kept.find(place);
    std::vector<Source> sources;
    if (touched != kept.end()) {
      append_rows(chunk, touched->second, sources);
      if (const auto more = added.find(place); more != added.end()) {
        std::ranges::copy(more->second, std::back_inserter(sources));
        sort_by_key(sources);
      }
      if (sources.empty()) continue;
    }
    // What shrank is joined with its neighbour.
    const std::size_t rows = touched != kept.end() ? sources.size() : chunk.rows();
    const bool changes = touched != kept.end() || last_was_touched;
    if (changes && !chunks.empty() && chunks.back()->rows() + rows <= kMergeBelow) {
      const std::shared_ptr<const Chunk> before = std::move(chunks.back());
      chunks.pop_back();
      std::vector<Source> joined;
      append_rows(*before, RowSet::first(before->rows()), joined);
      if (touched == kept.end()) append_rows(chunk, RowSet::first(chunk.rows()), joined);
      std::ranges::copy(sources, std::back_inserter(joined));
      append_packed(joined, chunks);
      last_was_touched = true;
    } else if (touched != kept.end()) {
      append_packed(sources, chunks);
      last_was_touched = true;
    } else {
      chunks.push_back(chunks_[place]);
      last_was_touched = false;
    }
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
  const auto same = [](const Entry& a, const Entry& b) { return a.key.moref == b.key.moref; };
  entries_.erase(std::unique(entries_.begin(), entries_.end(), same), entries_.end());
  std::erase_if(entries_, [](const Entry& entry) { return entry.chunk == kGone; });
  std::ranges::sort(entries_, {}, &Entry::key);

  std::vector<Source> sources;
  sources.reserve(entries_.size());
  for (const Entry& entry : entries_) sources.push_back({.chunk = packed_[entry.chunk].get(), .row = entry.row});
  Chunks chunks;
  for (std::size_t from = 0; from < sources.size(); from += kChunkRows)
    chunks.push_back(std::make_shared<const Chunk>(
        std::span<const Source>(sources).subspan(from, std::min(kChunkRows, sources.size() - from))));
  packed_ = Chunks();  // not = {}, which keeps the memory
  entries_ = std::vector<Entry>();
  return Snapshot(std::move(chunks));
}

}  // namespace decom::inventory
