#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "common/base/clock.hpp"
#include "daemon/notices/channel_options.hpp"
#include "daemon/notices/notice.hpp"

namespace decom::notices {

/// What became of one attempt.
struct Verdict {
  enum class What {
    delivered,
    later,  ///< another attempt may work
    never,  ///< this notice will not be taken
    denied  ///< nor any other, as long as the password is what it is: accounts lock
  };
  What what = What::delivered;
  std::string text;                           ///< for people; neither a secret nor an address's path
  std::optional<std::chrono::seconds> after;  ///< how long the other side asks to be left alone
};

/// Takes one notice to the other side, once. Its files are read at each use. Any thread; may take `timeout`.
class Courier {
 public:
  virtual ~Courier() = default;
  virtual Verdict carry(const Notice& notice, const std::stop_token& stop) const = 0;
  /// Host and port, or address: where to, as far as people may see it.
  [[nodiscard]] virtual std::string where_to() const = 0;
  /// Changes when the password's file was written anew: a fingerprint, not the secret.
  [[nodiscard]] virtual std::string credential_mark() const = 0;
};

std::unique_ptr<Courier> make_courier(const ChannelOptions& options, Clock& clock);
std::unique_ptr<Courier> make_webhook_courier(const ChannelOptions& options, Clock& clock);
std::unique_ptr<Courier> make_mail_courier(const ChannelOptions& options, Clock& clock);

/// Of a secret's file; empty where it cannot be read.
std::string mark_of_file(const std::filesystem::path& file);

}  // namespace decom::notices
