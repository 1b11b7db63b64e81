#include "daemon/vsphere/xml_writer.hpp"

#include <utility>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom::vsphere {
namespace {

/// Names are ours, never from outside; this keeps it so.
void check_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  bool good = !name.empty() && letter(name.front());
  for (const char c : name) good = good && (letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':');
  if (!good) throw Error{ErrorCode::internal, "cannot write an XML name that is none"};
}

void check_characters(std::string_view value) {
  if (!is_valid_utf8(value)) throw Error{ErrorCode::invalid, "cannot send text to vCenter that is not UTF-8"};
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto c = static_cast<unsigned char>(value[i]);
    const bool control = c < 0x20 && c != '\t' && c != '\n' && c != '\r';
    // U+FFFE and U+FFFF are EF BF BE and EF BF BF.
    const bool noncharacter = c == 0xEF && i + 2 < value.size() && static_cast<unsigned char>(value[i + 1]) == 0xBF &&
                              static_cast<unsigned char>(value[i + 2]) >= 0xBE;
    if (control || noncharacter)
      throw Error{ErrorCode::invalid, "cannot send text to vCenter with a character that XML cannot carry"};
  }
}

}  // namespace

XmlWriter& XmlWriter::open(std::string_view name) {
  check_name(name);
  end_start_tag();
  out_.append("<").append(name);
  open_.emplace_back(name);
  in_start_tag_ = true;
  return *this;
}

XmlWriter& XmlWriter::attribute(std::string_view name, std::string_view value) {
  check_name(name);
  if (!in_start_tag_) throw Error{ErrorCode::internal, "cannot write an attribute behind the start tag"};
  out_.append(" ").append(name).append("=\"");
  append_escaped(value, true);
  out_.append("\"");
  return *this;
}

XmlWriter& XmlWriter::text(std::string_view value) {
  if (open_.empty()) throw Error{ErrorCode::internal, "cannot write text outside of an element"};
  end_start_tag();
  append_escaped(value, false);
  return *this;
}

XmlWriter& XmlWriter::close() {
  if (open_.empty()) throw Error{ErrorCode::internal, "cannot close an element that was not opened"};
  end_start_tag();
  out_.append("</").append(open_.back()).append(">");
  open_.pop_back();
  return *this;
}

XmlWriter& XmlWriter::element(std::string_view name, std::string_view value) { return open(name).text(value).close(); }

std::string XmlWriter::finish() {
  while (!open_.empty()) close();
  return std::exchange(out_, {});
}

void XmlWriter::end_start_tag() {
  if (in_start_tag_) out_.append(">");
  in_start_tag_ = false;
}

void XmlWriter::append_escaped(std::string_view value, bool in_attribute) {
  check_characters(value);
  for (const char c : value) {
    switch (c) {
      case '&': out_.append("&amp;"); break;
      case '<': out_.append("&lt;"); break;
      case '>': out_.append("&gt;"); break;  // "]]>" is not allowed in text
      case '"': out_.append("&quot;"); break;
      case '\r': out_.append("&#13;"); break;  // readers turn a plain one into a line feed
      case '\t': out_.append(in_attribute ? "&#9;" : "\t"); break;
      case '\n': out_.append(in_attribute ? "&#10;" : "\n"); break;
      default: out_.push_back(c);
    }
  }
}

}  // namespace decom::vsphere
