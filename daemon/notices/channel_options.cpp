#include "daemon/notices/channel_options.hpp"

namespace decom::notices {

std::string_view to_string(Occasion occasion) {
  switch (occasion) {
    case Occasion::start: return "start";
    case Occasion::finish: return "finish";
    case Occasion::failure: return "failure";
    case Occasion::attention: return "attention";
  }
  return "";
}

std::string_view to_string(Markup markup) {
  switch (markup) {
    case Markup::plain: return "plain";
    case Markup::slack: return "slack";
    case Markup::discord: return "discord";
    case Markup::markdown: return "markdown";
  }
  return "";
}

std::string_view to_string(MailSecurity security) {
  switch (security) {
    case MailSecurity::starttls: return "starttls";
    case MailSecurity::tls: return "tls";
    case MailSecurity::none: return "none";
  }
  return "";
}

}  // namespace decom::notices
