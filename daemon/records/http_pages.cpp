#include "daemon/records/http_pages.hpp"

#include <charconv>

namespace decom::http {
namespace {

constexpr std::string_view kPage = "{{page}}";
constexpr std::string_view kPageSize = "{{page_size}}";

void replace_alone(nlohmann::json& value, std::string_view text, const nlohmann::json& by) {
  if (value.is_string() && value.get_ref<const std::string&>() == text) value = by;
  if (value.is_structured())
    for (nlohmann::json& part : value) replace_alone(part, text, by);
}

std::int64_t number(const std::string& text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Values page_values(const Pages& pages, const std::string& page) {
  return {{"page", page}, {"page_size", std::to_string(pages.size)}};
}

Request at_page(const Request& request, const Pages& pages, const std::string& page) {
  Request made = request;
  if (made.body) {
    // A cursor itself is never put in here: it comes from outside, and the body is still to be rendered.
    if (page.empty()) replace_alone(*made.body, kPage, nullptr);
    if (!page.empty() && !pages.cursor) replace_alone(*made.body, kPage, number(page));
    replace_alone(*made.body, kPageSize, pages.size);
  }
  if (page.empty())
    for (auto* list : {&made.query, &made.form})
      std::erase_if(*list, [](const auto& entry) { return entry.second.text() == kPage; });
  return made;
}

}  // namespace decom::http
