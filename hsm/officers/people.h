// The people who govern the keys, and how many of them an act needs. LD/T 01-2020 6.2.5;
// security.md §1.4.
//
// An officer approves; an auditor witnesses and approves nothing. One person is one vote: two
// persons never share a key. There are always more officers than any act needs, so that one of them
// may be away or lose a card.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"

namespace hsm::officers {

enum class Role { officer, auditor };
std::string_view to_string(Role role);

struct Person {
  std::string id;  ///< 1 to 32 of a-z, 0-9, '-', '.'
  std::string name;
  Role role = Role::officer;
  base::Bytes certificate;           ///< DER, of the signing key on the person's card
  base::Bytes public_key;            ///< SPKI of that key, P-256; from the certificate
  base::Bytes share_key;             ///< SPKI of the card's key agreement key, P-256; may be empty
  base::Time not_before, not_after;  ///< of the certificate
  bool retired = false;

  bool may_vote(base::Time at) const {
    return role == Role::officer && !retired && at >= not_before && at <= not_after;
  }
};

/// {"certificate":base64,"id":…,"name":…,"role":…,"share_key":base64}, nothing else.
/// Errors: invalid_argument `hsm.officers.person` saying what is wrong.
base::Result<Person> read_person(const rapidjson::Value& value);
void write_person(base::JsonWriter& out, const Person& person);

/// An act, or a kind of it, with a threshold of its own.
struct QuorumRule {
  std::string_view name;   ///< "key.generate", "sign.root"
  int usual;               ///< officers needed, unless the policy says otherwise
  int least;               ///< the policy may not go below
  std::string_view means;  ///< in plain words
};
std::span<const QuorumRule> quorum_rules();

struct Policy {
  std::map<std::string, int, std::less<>> needed;  ///< by rule; what is missing is the rule's usual
  int request_life_h = 24;                         ///< 1 to 24; approvals die with their request
  int destroy_grace_h = 720;      ///< between a request to destroy and the deed; anyone may stop it
  bool backup_before_use = true;  ///< a key is activated only after a proven backup holds it
  int list_life_h = 24 * 31;      ///< the longest life of a list that is renewed unattended
  /// Lists that a key signs unattended within 24 hours. A policy of before there was such a number
  /// has none; then the usual one is kept to, but no line of that time is judged by it.
  std::optional<int> lists_per_day;

  int most_lists() const { return lists_per_day.value_or(kUsualLists); }
  static constexpr int kUsualLists = 480;

  int needs(std::string_view rule) const;
  int most() const;  ///< the highest of all thresholds
};
/// Errors: invalid_argument `hsm.officers.policy`.
base::Result<Policy> read_policy(const rapidjson::Value& value);
void write_policy(base::JsonWriter& out, const Policy& policy);

}  // namespace hsm::officers
