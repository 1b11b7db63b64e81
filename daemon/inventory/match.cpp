#include "daemon/inventory/match.hpp"

#include <algorithm>
#include <cstring>

#include "common/base/text.hpp"

namespace decom::inventory {
namespace {

bool contains(std::string_view text, std::string_view needle) {
  return ::memmem(text.data(), text.size(), needle.data(), needle.size()) != nullptr;
}

/// A lone star asks for any value: the empty text is none.
bool fits(const Pattern& pattern, std::string_view text) {
  return pattern.is_star() ? !text.empty() : pattern.matches(text);
}

bool fits_host(const Pattern& pattern, std::string_view host) {
  return fits(pattern, host) || (!host.empty() && fits(pattern, first_label(host)));
}

/// The folder itself or one above it.
bool fits_path(const Pattern& pattern, std::string_view path) {
  if (fits(pattern, path)) return true;
  for (auto slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1))
    if (fits(pattern, path.substr(0, slash))) return true;
  return false;
}

/// "env:prod" or only "prod".
bool fits_tag(const Pattern& pattern, std::string_view tag) {
  if (fits(pattern, tag)) return true;
  const auto colon = tag.find(':');
  return colon != std::string_view::npos && fits(pattern, tag.substr(colon + 1));
}

unsigned nibble_of(const std::uint8_t* bytes, std::size_t at) {
  return at % 2 == 0 ? static_cast<unsigned>(bytes[at / 2]) >> 4U : bytes[at / 2] & 15U;
}

bool has_nibbles(const Uuid& uuid, std::size_t from, std::string_view nibbles) {
  if (from + nibbles.size() > 32) return false;
  for (std::size_t i = 0; i < nibbles.size(); ++i)
    if (nibble_of(uuid.data(), from + i) != static_cast<unsigned char>(nibbles[i])) return false;
  return true;
}

class Matcher {
 public:
  explicit Matcher(const Chunk& chunk) : chunk_(chunk) {}

  RowSet run(const Node& node, const RowSet& within) const {
    switch (node.kind) {
      case Node::Kind::all: {
        RowSet rows = within;
        for (const Node& child : node.children) {
          if (rows.empty()) break;
          rows = run(child, rows);
        }
        return rows;
      }
      case Node::Kind::any: {
        RowSet rows;
        RowSet left = within;
        for (const Node& child : node.children) {
          if (left.empty()) break;
          const RowSet found = run(child, left);
          rows |= found;
          left -= found;
        }
        return rows;
      }
      case Node::Kind::none: {
        RowSet rows = within;
        rows -= run(node.children.front(), within);
        return rows;
      }
      case Node::Kind::term: return std::visit([&](const auto& term) { return match(term, within); }, node.term);
    }
    return {};
  }

 private:
  RowSet match(const AnyText& any, const RowSet& within) const {
    RowSet rows = chunk_.index().candidates(any.word);
    rows &= within;
    if (any.word.size() > 3) rows = rows.where([&](std::size_t row) { return contains(chunk_.text(row), any.word); });
    if (!any.nibbles.empty()) rows |= with_uuid_containing(any.nibbles, within);
    for (const Address& address : any.addresses)
      rows |= match(InNetwork{Network{address, address.v6 ? 128U : 32U}}, within);
    return rows;
  }

  RowSet match(const AnyGlob& glob, const RowSet& within) const {
    return with_literals(glob.pattern, within).where([&](std::size_t row) {
      if (fits(glob.pattern, chunk_.name(row)) || fits_host(glob.pattern, chunk_.host(row))) return true;
      return std::ranges::any_of(chunk_.addresses(row), [&](std::string_view a) { return fits(glob.pattern, a); });
    });
  }

  RowSet match(const TextMatch& text, const RowSet& within) const {
    const Pattern& pattern = text.pattern;
    switch (text.field.field) {
      case Field::name:
        return with_literals(pattern, within).where([&](std::size_t row) { return fits(pattern, chunk_.name(row)); });
      case Field::host:
        return with_literals(pattern, within).where([&](std::size_t row) {
          return fits_host(pattern, chunk_.host(row));
        });
      case Field::annotation:
        return with_literals(pattern, within).where([&](std::size_t row) {
          return fits(pattern, chunk_.annotation(row));
        });
      case Field::ip:
        return with_literals(pattern, within).where([&](std::size_t row) { return fits_address(pattern, row); });
      case Field::vcenter: return words(Column::vcenter, within, pattern, fits);
      case Field::datacenter: return words(Column::datacenter, within, pattern, fits);
      case Field::cluster: return words(Column::cluster, within, pattern, fits);
      case Field::folder: return words(Column::folder, within, pattern, fits_path);
      case Field::pool: return words(Column::pool, within, pattern, fits);
      case Field::esx: return words(Column::esx, within, pattern, fits_host);
      case Field::owner: return words(Column::owner, within, pattern, fits);
      case Field::tools: return words(Column::tools, within, pattern, fits);
      case Field::managed: return words(Column::managed, within, pattern, fits);
      case Field::os:
      case Field::guest: {
        RowSet rows = words(Column::guest_full_name, within, pattern, fits);
        if (pattern.empty()) {
          rows &= words(Column::guest_id, within, pattern, fits);
        } else {
          rows |= words(Column::guest_id, within, pattern, fits);
        }
        return rows;
      }
      case Field::tag:
        return listed(
            pattern, within, [this](std::size_t row, auto visit) { chunk_.each_tag(row, visit); }, fits_tag);
      case Field::snapshot:
        return listed(
            pattern, within, [this](std::size_t row, auto visit) { chunk_.each_snapshot(row, visit); }, fits);
      case Field::attr: return with_attribute(text.field.key, pattern, within);
      case Field::uuid:
        return within.where([&](std::size_t row) {
          if (pattern.empty()) return !chunk_.has_instance_uuid(row) && !chunk_.has_bios_uuid(row);
          return (chunk_.has_instance_uuid(row) && fits(pattern, to_text(chunk_.instance_uuid(row)))) ||
                 (chunk_.has_bios_uuid(row) && fits(pattern, to_text(chunk_.bios_uuid(row))));
        });
      case Field::moref: return with_moref(pattern, within, false);
      case Field::id: return with_moref(pattern, within, true);
      case Field::power:
      case Field::created:
      case Field::booted:
      case Field::cpu:
      case Field::memory:
      case Field::template_: break;  // the parser never makes a text of these
    }
    return {};
  }

  RowSet match(const NumberMatch& number, const RowSet& within) const {
    const auto between = [&](auto value_of) {
      return within.where([&](std::size_t row) {
        const std::int64_t value = value_of(row);
        return value >= number.least && value <= number.most;
      });
    };
    constexpr std::int64_t kMiB = 1'048'576;
    switch (number.field) {
      case Field::cpu: return between([&](std::size_t row) { return std::int64_t{chunk_.cpus()[row]}; });
      case Field::memory: return between([&](std::size_t row) { return chunk_.memory_mb()[row] * kMiB; });
      case Field::snapshot:
        return between([&](std::size_t row) { return std::int64_t{chunk_.snapshot_counts()[row]}; });
      case Field::created: return between([&](std::size_t row) { return chunk_.created()[row]; });
      case Field::booted: return between([&](std::size_t row) { return chunk_.booted()[row]; });
      default: return {};
    }
  }

  RowSet match(const OneOf& one, const RowSet& within) const {
    const auto values = one.field == Field::power ? chunk_.power() : chunk_.family();
    return within.where([&](std::size_t row) { return ((one.mask >> values[row]) & 1U) != 0; });
  }

  RowSet match(const InNetwork& in, const RowSet& within) const {
    RowSet rows = chunk_.in_network(in.network);
    rows &= within;
    return rows;
  }

  RowSet match(const UuidStart& start, const RowSet& within) const {
    return within.where([&](std::size_t row) {
      return (chunk_.has_instance_uuid(row) && has_nibbles(chunk_.instance_uuid(row), 0, start.nibbles)) ||
             (chunk_.has_bios_uuid(row) && has_nibbles(chunk_.bios_uuid(row), 0, start.nibbles));
    });
  }

  RowSet match(const HasIt& has, const RowSet& within) const {
    switch (has.field) {
      case Field::template_: return within.where([&](std::size_t row) { return chunk_.is_template(row); });
      case Field::snapshot: return within.where([&](std::size_t row) { return chunk_.snapshot_counts()[row] > 0; });
      case Field::managed: return cells(Column::managed, within, [](std::string_view cell) { return !cell.empty(); });
      default: return {};
    }
  }

  /// What the index leaves of `within` for a pattern over a part of the text.
  RowSet with_literals(const Pattern& pattern, const RowSet& within) const {
    RowSet rows = within;
    for (const std::string& literal : pattern.literals()) {
      if (rows.empty()) break;
      rows &= chunk_.index().candidates(literal);
    }
    return rows;
  }

  bool fits_address(const Pattern& pattern, std::size_t row) const {
    const auto addresses = chunk_.addresses(row);
    if (pattern.empty()) return addresses.empty();
    return std::ranges::any_of(addresses, [&](std::string_view address) { return fits(pattern, address); });
  }

  /// Asks once for each word, not for each row: neighbours by name mostly share their words.
  template <typename Wanted>
  RowSet cells(Column which, const RowSet& within, Wanted wanted) const {
    const auto column = chunk_.column(which);
    Memo memo(chunk_.words());
    return within.where(
        [&](std::size_t row) { return memo.ask(column[row], [&] { return wanted(chunk_.word(column[row])); }); });
  }

  template <typename Fits>
  RowSet words(Column which, const RowSet& within, const Pattern& pattern, Fits fits_one) const {
    if (!chunk_.may_have_word(pattern)) return {};
    return cells(which, within, [&](std::string_view cell) { return fits_one(pattern, cell); });
  }

  class Memo {
   public:
    explicit Memo(std::size_t words) { answers().assign(words, kUnasked); }
    template <typename Ask>
    bool ask(std::size_t word, Ask ask) {
      char& answer = answers()[word];
      if (answer == kUnasked) answer = ask() ? kYes : kNo;
      return answer == kYes;
    }

   private:
    static constexpr char kUnasked = 0;
    static constexpr char kNo = 1;
    static constexpr char kYes = 2;
    /// One a thread, as one is in use at a time: no allocation a chunk.
    static std::vector<char>& answers() {
      thread_local std::vector<char> answers;
      return answers;
    }
  };

  /// Rows that have a fitting word in a list of theirs; `each(row, visit)` goes through it.
  template <typename Each, typename Fits>
  RowSet listed(const Pattern& pattern, const RowSet& within, Each each, Fits fits_one) const {
    if (!chunk_.may_have_word(pattern)) return {};
    Memo memo(chunk_.words());
    return within.where([&](std::size_t row) {
      bool none = true;
      bool found = false;
      each(row, [&](std::size_t word) {
        none = false;
        found = found || memo.ask(word, [&] { return fits_one(pattern, chunk_.word(word)); });
      });
      return pattern.empty() ? none : found;
    });
  }

  RowSet with_attribute(std::string_view key, const Pattern& pattern, const RowSet& within) const {
    if (!chunk_.may_have_word(pattern)) return {};
    Memo keys(chunk_.words());
    return within.where([&](std::size_t row) {
      std::string_view value;
      chunk_.each_attribute(row, [&](std::size_t name, std::size_t number) {
        if (keys.ask(name, [&] { return equals_folded(chunk_.word(name), key); })) value = chunk_.word(number);
      });
      return fits(pattern, value);
    });
  }

  RowSet with_moref(const Pattern& pattern, const RowSet& within, bool with_vcenter) const {
    RowSet rows = within;
    if (!pattern.has_wildcards()) {
      const std::string text = pattern.text();
      const auto colon = text.rfind(':');
      const std::uint32_t hash =
          Chunk::hash_of_moref(with_vcenter && colon != std::string::npos ? text.substr(colon + 1) : text);
      const auto hashes = chunk_.moref_hashes();
      rows = rows.where([&](std::size_t row) { return hashes[row] == hash; });
    }
    return rows.where([&](std::size_t row) {
      if (!with_vcenter) return fits(pattern, chunk_.moref(row));
      return fits(pattern, std::string(chunk_.cell(Column::vcenter, row)) + ":" + chunk_.moref(row));
    });
  }

  /// Rows of which a UUID has these eight or more digits anywhere. Scans the bytes in the middle of the needle, once
  /// for each of the two ways in which digits can lie on bytes.
  RowSet with_uuid_containing(std::string_view nibbles, const RowSet& within) const {
    RowSet rows;
    const auto uuids = chunk_.uuids();
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(uuids.data());
    const std::size_t size = uuids.size() * sizeof(Uuid);
    for (const std::size_t skipped : {std::size_t{0}, std::size_t{1}}) {
      std::string middle;
      for (std::size_t i = skipped; i + 1 < nibbles.size(); i += 2)
        middle += static_cast<char>((static_cast<unsigned>(nibbles[i]) << 4U) | static_cast<unsigned>(nibbles[i + 1]));
      for (std::size_t from = 0; from < size;) {
        const void* const hit = ::memmem(bytes + from, size - from, middle.data(), middle.size());
        if (hit == nullptr) break;
        const auto at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(hit) - bytes);
        from = at + 1;
        const std::size_t first = (at % sizeof(Uuid)) * 2;
        if (first < skipped) continue;
        const std::size_t place = at / sizeof(Uuid);
        const std::size_t row = place % chunk_.rows();
        const bool present = place < chunk_.rows() ? chunk_.has_instance_uuid(row) : chunk_.has_bios_uuid(row);
        if (present && has_nibbles(uuids[place], first - skipped, nibbles)) rows.add(row);
      }
    }
    rows &= within;
    return rows;
  }

  const Chunk& chunk_;
};

}  // namespace

RowSet matching(const Node& query, const Chunk& chunk, const RowSet& within) {
  return Matcher(chunk).run(query, within);
}

std::string_view first_label(std::string_view host) { return host.substr(0, host.find('.')); }

}  // namespace decom::inventory
