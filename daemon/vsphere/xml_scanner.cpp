#include "daemon/vsphere/xml_scanner.hpp"

#include "common/base/error.hpp"

namespace decom::vsphere {
namespace {

constexpr auto npos = std::string::npos;

[[noreturn]] void refuse(std::string_view why) {
  throw Error{ErrorCode::protocol, "cannot read vCenter's answer: {}", why};
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view name_of(std::string_view tag) {
  std::size_t end = 0;
  while (end < tag.size() && !is_space(tag[end]) && tag[end] != '/' && tag[end] != '>') ++end;
  return tag.substr(0, end);
}

std::string_view local_part(std::string_view name) {
  const auto colon = name.find(':');
  return colon == npos ? name : name.substr(colon + 1);
}

std::uint64_t hash_of(std::string_view name) {  // FNV-1a, 64 bits
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

/// The xmlns attributes of a start tag, as written. Quotes are balanced: the tag was scanned.
std::string namespaces_of(std::string_view tag) {
  std::string found;
  std::size_t at = name_of(tag).size();
  while (at < tag.size()) {
    while (at < tag.size() && (is_space(tag[at]) || tag[at] == '/')) ++at;
    const std::size_t start = at;
    const std::size_t quote = tag.find_first_of("\"'", at);
    if (quote == npos) break;
    const std::size_t end = tag.find(tag[quote], quote + 1);
    if (end == npos) break;
    at = end + 1;
    const auto whole = tag.substr(start, at - start);
    if (whole.starts_with("xmlns")) found.append(" ").append(whole);
  }
  return found;
}

}  // namespace

XmlScanner::XmlScanner(std::string streamed, Piece piece, XmlLimits limits)
    : streamed_(std::move(streamed)), on_piece_(std::move(piece)), limits_(limits) {}

void XmlScanner::feed(std::string_view bytes) {
  pending_.append(bytes);
  std::size_t at = 0;
  taken_ = 0;
  while (at < pending_.size()) {
    const auto tag = pending_.find('<', at);
    if (tag == npos) {
      if (open_.empty() && pending_.find_first_not_of(" \t\r\n\xEF\xBB\xBF", at) != npos) refuse("it is not XML");
      at = pending_.size();
      break;
    }
    if (open_.empty())
      for (std::size_t i = at; i < tag; ++i)
        if (std::string_view(" \t\r\n\xEF\xBB\xBF").find(pending_[i]) == npos) refuse("it is not XML");
    const auto end = token(tag);
    if ((end == npos ? pending_.size() : end) - tag > limits_.token_bytes) refuse("a tag is too long");
    if (end == npos) {
      at = tag;
      break;
    }
    at = end;
  }
  take(at);
  pending_.erase(0, at);
}

std::string XmlScanner::finish() {
  if (!pending_.empty() || !open_.empty() || !had_root_) refuse("it ends too early");
  if (!piece_.empty()) hand_on();
  return std::move(skeleton_);
}

std::size_t XmlScanner::token(std::size_t at) {
  const std::string_view rest = std::string_view(pending_).substr(at);
  const auto until = [&](std::string_view mark) {
    const auto found = rest.find(mark);
    return found == npos ? npos : at + found + mark.size();
  };
  if (rest.size() < 2) return npos;
  if (rest[1] == '?') return until("?>");
  if (rest[1] == '!') {
    if (rest.starts_with("<!--")) return until("-->");
    if (rest.starts_with("<![CDATA[")) {
      if (open_.empty()) refuse("it is not XML");
      return until("]]>");
    }
    if (std::string_view("<!--").starts_with(rest) || std::string_view("<![CDATA[").starts_with(rest)) return npos;
    refuse("it carries a document type");
  }
  if (rest[1] != '/') return start_tag(at);
  const auto end = rest.find('>');
  if (end == npos) return npos;
  closed(name_of(rest.substr(2, end - 2)), at + end + 1);
  return at + end + 1;
}

std::size_t XmlScanner::end_of_start_tag(std::size_t at) const {
  std::size_t attributes = 0;
  const std::string_view text = pending_;
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '>') return i;
    if (c == '<') refuse("a tag is not closed");
    if (c != '"' && c != '\'') continue;
    if (++attributes > limits_.attributes) refuse("an element has too many attributes");
    i = text.find(c, i + 1);
    if (i == npos) return npos;
  }
  return npos;
}

std::size_t XmlScanner::start_tag(std::size_t at) {
  const auto end = end_of_start_tag(at);
  if (end == npos) return npos;
  const auto tag = std::string_view(pending_).substr(at + 1, end - at - 1);
  const auto name = name_of(tag);
  if (name.empty()) refuse("a tag has no name");
  if (streaming_at_ == 0 && !streamed_.empty() && !open_.empty() && local_part(name) == streamed_) begin_streamed(at);
  opened(name, tag);
  if (tag.back() == '/') closed(name, end + 1);
  return end + 1;
}

void XmlScanner::begin_streamed(std::size_t at) {
  take(at);
  streaming_at_ = open_.size() + 1;
  object_bytes_ = 0;
  if (!piece_.empty()) return;
  head_.clear();
  tail_.clear();
  for (const auto& outer : open_) {
    head_ += "<w" + outer.namespaces + ">";
    tail_ += "</w>";
  }
}

void XmlScanner::opened(std::string_view name, std::string_view tag) {
  if (open_.empty() && had_root_) refuse("it has two roots");
  had_root_ = true;
  if (open_.size() >= limits_.depth) refuse("it is nested too deeply");
  const bool may_wrap = streaming_at_ == 0 && !streamed_.empty() && tag.size() > name.size();
  open_.push_back({hash_of(name), may_wrap ? namespaces_of(tag) : std::string{}});
}

void XmlScanner::closed(std::string_view name, std::size_t end) {
  if (open_.empty() || open_.back().name != hash_of(name)) refuse("its tags do not match");
  open_.pop_back();
  if (streaming_at_ == open_.size() + 1) {
    take(end);
    streaming_at_ = 0;
    if (piece_.size() >= limits_.piece_bytes) hand_on();
  }
}

void XmlScanner::take(std::size_t until) {
  if (until <= taken_) return;
  const auto bytes = std::string_view(pending_).substr(taken_, until - taken_);
  taken_ = until;
  if (streaming_at_ != 0) {
    object_bytes_ += bytes.size();
    if (object_bytes_ > limits_.object_bytes) refuse("one object is larger than 16 MB");
    piece_.append(bytes);
  } else {
    if (skeleton_.size() + bytes.size() > limits_.skeleton_bytes) refuse("it is larger than 16 MB");
    // Between two streamed elements stands nothing but white space or another parent: then the piece ends here.
    if (!piece_.empty() && bytes.find('<') != npos) hand_on();
    skeleton_.append(bytes);
  }
}

void XmlScanner::hand_on() {
  std::string document;
  document.reserve(head_.size() + piece_.size() + tail_.size());
  document.append(head_).append(piece_).append(tail_);
  piece_.clear();
  on_piece_(document);
}

}  // namespace decom::vsphere
