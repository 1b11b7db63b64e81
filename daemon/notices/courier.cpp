#include "daemon/notices/courier.hpp"

#include "common/base/crypto.hpp"
#include "common/base/error.hpp"
#include "common/base/secret.hpp"

namespace decom::notices {

std::unique_ptr<Courier> make_courier(const ChannelOptions& options, Clock& clock) {
  return std::holds_alternative<MailOptions>(options.way) ? make_mail_courier(options, clock)
                                                          : make_webhook_courier(options, clock);
}

std::string mark_of_file(const std::filesystem::path& file) {
  try {
    return file.empty() ? std::string{} : sha256_hex(read_secret_file(file).expose());
  } catch (const Error&) {
    return {};
  }
}

}  // namespace decom::notices
