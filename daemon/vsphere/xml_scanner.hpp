#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace decom::vsphere {

/// What an answer may be at most; beyond it stands an attack or a fault, and the answer is `protocol`.
struct XmlLimits {
  std::size_t depth = 64;
  std::size_t attributes = 64;                         ///< of one element
  std::size_t token_bytes = std::size_t{1} << 20;      ///< one tag, comment or CDATA section
  std::size_t object_bytes = std::size_t{16} << 20;    ///< one streamed element
  std::size_t skeleton_bytes = std::size_t{16} << 20;  ///< all that is not in streamed elements
  std::size_t piece_bytes = std::size_t{256} << 10;    ///< streamed elements are handed on in pieces of about this
};

/// Guards and cuts an answer while it comes in, before any parser sees it.
///
/// Refuses DOCTYPE (so there are no entities to expand), unbalanced tags, and what is beyond the limits. Elements named
/// `streamed` (local name, at any depth, not nested in one another) are taken out and handed on in pieces that are
/// small documents: they stand inside copies of their ancestors' namespace declarations. What remains, the skeleton, is
/// small. Cutting by structure rather than by the letters "</objects>" means that prefixes, comments and CDATA need no
/// second way.
class XmlScanner {
 public:
  using Piece = std::function<void(std::string& document)>;  ///< may parse it in place

  explicit XmlScanner(std::string streamed = {}, Piece piece = {}, XmlLimits limits = {});

  /// Throws Error{protocol}; what `piece` throws passes through.
  void feed(std::string_view bytes);
  /// The skeleton. Throws Error{protocol} when the document is not at its end.
  std::string finish();

 private:
  std::size_t token(std::size_t at);  ///< its end, or npos while it is incomplete
  std::size_t start_tag(std::size_t at);
  [[nodiscard]] std::size_t end_of_start_tag(std::size_t at) const;  ///< its '>', or npos
  void begin_streamed(std::size_t at);
  void opened(std::string_view name, std::string_view tag);
  void closed(std::string_view name, std::size_t end);
  void take(std::size_t until);  ///< passes bytes on to the piece or the skeleton
  void hand_on();

  struct Open {
    std::uint64_t name;      ///< hash of the qualified name
    std::string namespaces;  ///< its xmlns attributes, as written
  };

  std::string streamed_;
  Piece on_piece_;
  XmlLimits limits_;
  std::string pending_;  ///< not yet scanned to its end
  std::size_t taken_ = 0;
  std::vector<Open> open_;
  std::size_t streaming_at_ = 0;  ///< depth of the streamed element that we are in; 0 outside of one
  std::size_t object_bytes_ = 0;
  std::string head_;  ///< wrappers of the present piece
  std::string tail_;
  std::string piece_;
  std::string skeleton_;
  bool had_root_ = false;
};

}  // namespace decom::vsphere
