#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace decom::vsphere {

/// Writes XML element by element, so that no text from outside can become markup.
///
/// Values are escaped; characters that XML 1.0 cannot carry (section 2.2: NUL, most of C0, surrogates, U+FFFE, U+FFFF)
/// and bytes that are not UTF-8 are refused with `invalid`, as there is no way to write them that reads back the same.
/// The message never contains the value: it may be a password.
class XmlWriter {
 public:
  XmlWriter& open(std::string_view name);
  /// Only right after `open`.
  XmlWriter& attribute(std::string_view name, std::string_view value);
  XmlWriter& text(std::string_view value);
  XmlWriter& close();
  /// open, text, close
  XmlWriter& element(std::string_view name, std::string_view value);

  /// Closes what is open and hands the document over; the writer is empty afterwards.
  std::string finish();

 private:
  void end_start_tag();
  void append_escaped(std::string_view value, bool in_attribute);

  std::string out_;
  std::vector<std::string> open_;
  bool in_start_tag_ = false;
};

}  // namespace decom::vsphere
