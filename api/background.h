// What goes on beside requests: following the register, opening the rooms upstairs when the signer
// is there, ending open intents, reading the PKI directory again when it changes and taking up
// renewed certificates, signing answers about revocation ahead, looking at the PKI's health,
// signing the audit trail's head, giving archived documents further time stamps, mirroring the
// officers' ledger, telling clients of logouts, following the revocation lists of certification
// bodies.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "api/audit_heads.h"
#include "api/body_trust.h"
#include "api/handlers.h"
#include "api/log.h"
#include "certs/ledger_mirror.h"
#include "gateways/crl_client.h"
#include "gateways/logout_client.h"

namespace api {

class Background {
 public:
  struct Pace {
    std::chrono::milliseconds follow{500}, keep{1'000}, settle{30'000}, sweep{300'000};
    std::chrono::milliseconds choose{30'000}, answers{5'000}, health{60'000}, clock{10'000};
    std::chrono::milliseconds ledger{5'000}, tell{1'000}, messages{1'000}, lists{1'000};
  };
  Background(Services& services, Log& log, Pace pace);
  ~Background();  ///< stop()
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  void start();
  void stop();

  // One turn each, for those who keep their own time.
  void follow_once();
  void keep_once();
  void sign_audit_head(bool last = false);
  void follow_ledger();
  void tell_logouts();
  void send_messages();
  void fetch_body_lists();

 private:
  base::Result<void> not_older(const certs::TrustList& list);
  bool wait(std::chrono::milliseconds time);  ///< false: stopping
  static bool due(std::chrono::steady_clock::time_point& last, std::chrono::milliseconds every);
  bool keep_files();
  base::Result<void> keep_upstairs();
  void keep_keys(bool files_changed);
  void keep_answers();
  void keep_health();
  void keep_body_trust();
  void keep_openid_keys(const Upstairs& rooms);
  void keep_archive();
  void say_once(std::string& told, std::string_view event, const base::Result<void>& outcome);

  Services& services_;
  Log& log_;
  const Pace pace_;
  std::optional<AuditHeads> audit_heads_;      // none without a signer
  std::optional<certs::LedgerMirror> ledger_;  // none without a signer
  std::mutex mutex_;                           // protects stopping_
  std::condition_variable wake_;
  bool stopping_ = false;
  bool more_answers_ = false, more_lines_ = false, more_archive_ = false;
  std::string openid_names_, openid_told_, logouts_told_;
  std::string working_refused_;  ///< last told
  std::string archive_told_;
  std::string files_seen_, certificates_seen_, follow_told_, files_told_, upstairs_told_,
      settle_told_, sweep_told_, responder_told_, answers_told_, health_told_, clock_told_,
      heads_told_, ledger_told_;
  std::chrono::steady_clock::time_point settled_{}, swept_{}, chosen_{}, answered_{}, looked_{},
      timed_{}, mirrored_{}, archived_{};
  gateways::LogoutClient logout_client_;
  std::string messages_told_;  // of the messenger alone
  gateways::CrlClient crl_client_;
  BodyLists body_lists_;
  std::map<std::string, std::string> fetched_told_;  // of the fetcher alone, by address
  std::string body_lists_told_;
  std::shared_ptr<const verify::Verifier> body_trust_of_;
  std::uint64_t body_trust_version_ = 0;
  // The last three wait for servers of others, nobody for them.
  std::thread follower_, keeper_, teller_, messenger_, fetcher_;
};

}  // namespace api
