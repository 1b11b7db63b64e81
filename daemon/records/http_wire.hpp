#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "common/base/secret.hpp"
#include "daemon/records/definition.hpp"
#include "daemon/records/http_connection.hpp"
#include "daemon/records/http_recipe.hpp"

namespace decom::http {

/// Keeps a system from being asked more often than its recipe says, or earlier than it wants to be. Any thread.
///
/// It is one for all that is asked of a system, so a wait that the system asks for holds for every machine, and for the
/// question what became of a removal too.
class Pace {
 public:
  Pace(Clock& clock, std::int64_t a_second);
  /// Waits for a turn. Throws `cancelled`, and `busy` where it would come after the deadline, or where the system wants
  /// to be left alone for so long that a thread has better things to do.
  void wait(const RecordCall& call);
  /// Nothing is asked of the system before that.
  void leave_alone(std::chrono::seconds time);

 private:
  Clock& clock_;
  std::chrono::nanoseconds between_;
  std::mutex mutex_;
  Clock::Steady next_{};
  Clock::Steady alone_until_{};
};

/// What goes along with a request to prove who asks.
struct Proof {
  std::vector<Secret> headers;  ///< whole lines
  Secret token;                 ///< value of {{token}}
  std::vector<Secret> hidden;   ///< never quoted, whatever the other side says
};

struct Answer {
  Meaning meaning = Meaning::ok;
  int status = 0;
  std::string url;    ///< that it came from, for links in it
  std::string words;  ///< status and what the other side says, for people
  std::optional<Document> document;
  Reply reply;
};

/// Requests of one call of a RecordSystem; one thread.
class Wire {
 public:
  Wire(const Recipe& recipe, const RecordWorld& world, Pace& pace, const RecordCall& call);

  [[nodiscard]] const Recipe& recipe() const { return recipe_; }
  [[nodiscard]] const RecordCall& call() const { return call_; }
  [[nodiscard]] const RecordWorld& world() const { return world_; }
  /// Of every request: {{now}}.
  [[nodiscard]] Values values() const;

  /// Sends it once and says what the answer means: by the recipe's codes, else by its status. Throws what Connection
  /// does, `rate_limited`, `busy`, `denied`, `refused`, and `lost` for what may have changed something.
  Answer send(const Request& request, Purpose purpose, const Values& values, const Proof& proof,
              const std::string& what, const std::string& url);
  /// Where a request goes to, with its query.
  [[nodiscard]] std::string url_of(const Request& request, const Values& values,
                                   const std::vector<std::pair<std::string, std::string>>& more = {}) const;

  /// POSTs a form elsewhere, for a token; nothing of the recipe's headers and codes counts there. Throws `busy` where
  /// the answer is that it may work later.
  Reply post_form(const std::string& url, const std::vector<std::pair<std::string, std::string>>& form,
                  const std::vector<std::string>& headers, const std::string& what);

 private:
  /// How long the other side asks to be left alone, which holds from now on.
  std::optional<std::chrono::seconds> heed(const Reply& reply);
  [[nodiscard]] std::chrono::milliseconds left(bool changes, const std::string& what) const;
  [[nodiscard]] Trust trust(const std::string& host, bool tls, bool same_server) const;

  const Recipe& recipe_;
  const RecordWorld& world_;
  Pace& pace_;
  const RecordCall& call_;
  Connection connection_;
};

/// The first of the expectations that does not hold, for people; nothing where all do.
std::optional<std::string> unmet(const std::vector<Expectation>& expectations, const Node& node, const Values& values);
std::optional<std::string> unmet(const Request& request, const Answer& answer, const Values& values);

}  // namespace decom::http
