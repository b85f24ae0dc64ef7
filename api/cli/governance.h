// The command line's side of the officers' requests: asking, showing, voting, having it done. The
// signer decides; nothing here is trusted by it.
#pragma once

#include <string>
#include <vector>

#include "api/cli/officer.h"
#include "base/json.h"
#include "hsm/card.h"
#include "hsm/officers/request.h"
#include "hsm/officers/state.h"
#include "hsm/officers/vote.h"

namespace cli {

/// What the signer tells of the officers, the policy and the keys.
class Governance {
 public:
  /// Errors: conflict `hsm.officers.not_founded`; unavailable `hsm.unavailable`.
  static base::Result<Governance> read(hsm::Client& signer);

  const rapidjson::Value& all() const { return state_; }
  base::Digest world() const;
  std::string token() const { return std::string(base::json_text(state_, "token")); }
  const rapidjson::Value& policy() const { return state_["policy"]; }
  /// An object with label, id, state, …; nothing when the ledger does not know it.
  const rapidjson::Value* key(std::string_view label) const;
  /// The newest active key of a purpose. Errors: not_found `cli.no_active_key`.
  base::Result<const rapidjson::Value*> active(hsm::Purpose purpose) const;
  /// Whose card this is. Errors: permission_denied `cli.unknown_card`.
  base::Result<std::string> person(base::BytesView public_key) const;
  /// The request whose name begins so, 6 characters at least.
  /// Errors: not_found, conflict `cli.request_name`.
  base::Result<std::string> request_named(std::string_view beginning) const;

 private:
  rapidjson::Document state_;
};

/// A request as the signer keeps it.
struct RequestRecord {
  std::string id;  ///< hex
  hsm::officers::Request request;
  std::string standing;  ///< open, expired, overtaken, rejected, executing, done, failed
  int needed = 0;
  std::vector<std::string> approvals;
  std::string result_json;  ///< when done or failed
  std::string json;         ///< all of it
};

/// Writes the request's canonical text and lodges it. Errors: what the signer's rules say.
base::Result<RequestRecord> ask(Officer& officer, const Governance& governance,
                                const hsm::officers::Wish& wish);
/// Errors: not_found `hsm.officers.no_request`; internal `cli.signer_answer` when what comes back
/// is not what was asked for.
base::Result<RequestRecord> find_request(Officer& officer, std::string_view id);
base::Result<RequestRecord> execute(Officer& officer, const std::string& id);
/// Signed by the card over exactly this request.
base::Result<RequestRecord> cast_vote(Officer& officer, const Governance& governance,
                                      const hsm::Card& card, const RequestRecord& record,
                                      hsm::officers::Decision decision, const std::string& reason);

/// params of acts on keys, {"keys":[{id,label,state}]}, as the keys stand now.
/// Errors: not_found `hsm.officers.no_key`.
base::Result<std::string> key_step_params(const Governance& governance,
                                          const std::vector<std::string>& labels,
                                          const std::string& since = {});

/// Asked for; or, when dry, shown only: the signer is not reached for.
base::Result<Answer> ask_for(Context& context, const hsm::officers::Wish& wish, bool dry_run);

/// "waiting for 2 of 3 …" with exit code 4, or what came of it.
Answer request_answer(const RequestRecord& record);

}  // namespace cli
