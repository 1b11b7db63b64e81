#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>
#include <pugixml.hpp>

namespace decom::http {

/// What a system answers in.
enum class Format { json, xml };

/// A part of a text: what stands behind the first `after`, as far as the next `before`. Empty: from its beginning, to
/// its end. A text without `after` has no such part.
struct Cut {
  std::string after;
  std::string before;

  [[nodiscard]] std::optional<std::string> of(const std::string& text) const;
};

/// A place in an answer. JSON: a pointer (RFC 6901) in which `*` means each item of a list or each value of an object,
/// and `*[KEY=VALUE]` each whose KEY says VALUE. XML: an XPath 1.0 expression.
class Selector {
 public:
  /// Of a pointer, unescaped.
  struct Part {
    std::string name;
    bool each = false;                                       ///< it is a `*`, and has no name
    std::vector<std::pair<std::string, std::string>> where;  ///< what each must say
  };

  Selector() = default;
  Selector(Format format, const std::string& text, Cut cut = {});
  static std::optional<std::string> mistake(Format format, const std::string& text);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }
  [[nodiscard]] const Cut& cut() const { return cut_; }

 private:
  std::string text_;
  Cut cut_;
  std::vector<Part> parts_;
};

/// A part of a Document, which must outlive it.
class Node {
 public:
  explicit Node(const nlohmann::json& value) : at_(&value) {}
  explicit Node(pugi::xpath_node node) : at_(node) {}

  /// What is found there, as text: a whole number without fraction, "true", "null"; lists and objects as JSON. Of each
  /// text the part that the selector cuts out.
  [[nodiscard]] std::vector<std::string> texts(const Selector& selector) const;
  /// All of it, in a form that is equal while nothing changed.
  [[nodiscard]] nlohmann::json image() const;

 private:
  std::variant<const nlohmann::json*, pugi::xpath_node> at_;
};

/// One answer, parsed: at most 32 levels of JSON or 64 of XML deep, and without DOCTYPE.
class Document {
 public:
  /// Throws `protocol`.
  Document(Format format, const std::string& body);

  [[nodiscard]] std::vector<std::string> texts(const Selector& selector) const { return root().texts(selector); }
  /// The parts that a selector points to. Throws `protocol` where what should hold them is not there: an answer of
  /// another shape is no empty list.
  [[nodiscard]] std::vector<Node> items(const Selector& selector) const;
  [[nodiscard]] Node root() const;

 private:
  nlohmann::json json_;
  std::unique_ptr<pugi::xml_document> xml_;
};

}  // namespace decom::http
