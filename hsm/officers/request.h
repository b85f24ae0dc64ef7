// A sensitive act, asked for: the canonical text that officers read and sign. security.md §1.4.
//
//   {"created":…,"nonce":"<32 hex>","not_after":…,"op":…,"params":{…},"reason":…,"requester":…,
//    "token":"<serial>","v":1,"world":"<64 hex>"}
//
// Its name is the SHA-256 of that text. `world` is the hash of the ledger's last line that changed
// the officers or the policy: approvals die when those change. An act on a key names the key's id
// and the state it was in.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"
#include "hsm/key.h"
#include "hsm/officers/people.h"

namespace hsm::officers {

inline constexpr std::size_t kMostRequestBytes = 2 << 20;

struct Request {
  std::string text;  ///< canonical
  base::Digest id{};
  std::string op;
  rapidjson::Document body;  ///< the whole; params() is a part of it
  base::Time created, not_after;
  std::string requester, reason, token;
  base::Digest world{};

  const rapidjson::Value& params() const { return body["params"]; }
};

/// What is to be asked; times, nonce and world are added by request_text.
struct Wish {
  std::string op;
  std::string params_json = "{}";
  std::string reason;
};
/// Errors: invalid_argument `json.not_canonical`.
base::Result<std::string> request_text(const Wish& wish, std::string_view requester,
                                       std::string_view token, const base::Digest& world,
                                       base::Time created, base::Time not_after,
                                       base::BytesView nonce);

/// Errors: invalid_argument `hsm.officers.request` saying what is wrong.
base::Result<Request> read_request(std::string_view text);

// The params of each op, typed. All readers: errors invalid_argument `hsm.officers.request`.

struct WantedKey {
  std::string label;
  Algorithm algorithm = Algorithm::ecdsa_p256;
  Purpose purpose = Purpose::seal;
};
/// key.generate {"activate":bool,"keys":[{"algorithm","label","purpose"}]}
struct Generate {
  std::vector<WantedKey> keys;
  bool activate = false;
};
base::Result<Generate> read_generate(const rapidjson::Value& params);

/// key.adopt {"inventory":"<sha256>","keys":[{"algorithm","id","label","purpose"}]}
struct Adopt {
  base::Digest inventory{};
  std::vector<std::pair<WantedKey, KeyId>> keys;
};
base::Result<Adopt> read_adopt(const rapidjson::Value& params);

/// key.activate, key.suspend, key.resume, key.deactivate, key.compromise, key.destroy:
/// {"keys":[{"id","label","state"}]} and, for key.compromise, "since".
struct KeyStep {
  struct One {
    std::string label;
    KeyId id;
    std::string state;  ///< that it was in when the request was written
  };
  std::vector<One> keys;
  std::optional<base::Time> since;
};
base::Result<KeyStep> read_key_step(const rapidjson::Value& params, bool with_since);

/// sign {"items":[{"content":base64,"id","kind","label"}]}; kind: "certificate", "trust_list".
struct Sign {
  struct Item {
    std::string label;
    KeyId id;
    std::string kind;
    base::Bytes content;
  };
  std::vector<Item> items;
};
base::Result<Sign> read_sign(const rapidjson::Value& params);

/// key.backup {"file":"<name>","officers":["id",…],"threshold":T}
struct Backup {
  std::string file;
  std::vector<std::string> officers;
  int threshold = 2;
};
base::Result<Backup> read_backup(const rapidjson::Value& params);

/// backup.prove {"backup":"<sha256>","keys":["<key id>",…],"report":"<sha256>"}
struct Prove {
  base::Digest backup{}, report{};
  std::set<std::string> keys;
};
base::Result<Prove> read_prove(const rapidjson::Value& params);

}  // namespace hsm::officers
