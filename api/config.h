// The configuration of xinyind: every key, its default and its help stand in config.cpp, and
// `xinyind --print-config` prints them (docs/config.md is that text).
#pragma once

#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "api/http/address.h"
#include "api/item_policy.h"
#include "api/platform_settings.h"
#include "auth/otps.h"
#include "base/result.h"
#include "base/settings.h"

namespace api {

struct Config {
  bool production = false;
  bool verify_only = false;  ///< --only=verify
  std::string public_url;    ///< no trailing slash; the OpenID issuer too
  bool https = false;        ///< public_url is https

  struct Http {
    std::string listen = "127.0.0.1";
    int port = 8081;
    int reactors = 0;  ///< 0: one a core
    int connections = 10'000;
    std::vector<std::string> hosts;        ///< what Host may say, lower case
    std::vector<Network> trusted_proxies;  ///< whose X-Forwarded-For is believed
    std::filesystem::path proxy_socket;    ///< where our proxy proves itself; empty: nowhere
    int proxy_uid = 0;                     ///< the account that it must be
    std::string mtls_url;                  ///< where clients show certificates; empty: nowhere
    std::vector<Network> operators;        ///< who may read /metrics
    std::chrono::milliseconds head_deadline{10'000}, body_deadline{60'000}, idle{60'000},
        write_idle{30'000}, answer_deadline{30'000};
    std::chrono::milliseconds drain{5'000}, finish{20'000};
  } http;

  struct Workers {
    int lookup = 2, pages = 4, login = 4, issue = 4, upload = 1, outside = 4;
    int queue = 256, upload_queue = 8, outside_queue = 32;
    std::chrono::milliseconds queue_deadline{3'000};
  } workers;

  struct Limits {  ///< requests a minute and network; 0: no limit
    int lookup = 6'000, login = 1'200, token = 60'000, issue = 6'000, upload = 120;
    int ocsp = 60'000, ocsp_live = 600, timestamp = 600, registration = 600;
  } limits;

  struct Database {
    std::string conninfo;
    int connections = 6;
  } database;

  struct Signer {
    std::filesystem::path socket;
    /// A trailing '*' takes the newest key of that name (api/key_choice.h).
    std::string seal_key = "seal-*", timestamp_key = "timestamp-*", ocsp_key = "ocsp-*";
    std::string openid_key = "openid-*", openid_rs256_key = "openid-rsa-*",
                openid_eddsa_key = "openid-ed-*";  ///< api/openid_keys.h
    std::chrono::milliseconds deadline{2'000};
  } signer;

  struct Audit {
    std::string key = "audit-1";
    std::chrono::seconds head_every{60};
    int head_rows = 1'000;
  } audit;

  struct Openid {  ///< auth::Provider::Config says what each is
    std::chrono::seconds code{60}, access_token{600}, id_token{600}, pushed{90};
    std::chrono::seconds refresh_token{30 * 86'400}, refresh_family{180 * 86'400},
        refresh_grace{10};
    bool dpop_nonce_needed = false;
    std::chrono::seconds publish_ahead{3'600}, keep_earlier{86'400};
    bool working_keys = false;
    std::chrono::seconds working_key{86'400};
  } openid;

  struct Logout {
    std::chrono::milliseconds deadline{5'000};
    bool loopback_allowed = false;
    std::filesystem::path roots_file;  ///< empty: the system's
  } logout;

  std::filesystem::path pki_directory;
  std::filesystem::path code_pepper_file, data_key_file;
  std::filesystem::path font_file;
  std::filesystem::path seen_lists_file;  ///< empty: the newest list is known while it runs
  std::string root_sha256;                ///< pinned root, hex; empty: the list's own root is taken
  std::chrono::seconds ocsp_life{86'400};

  /// Revocation lists of certification bodies (api/body_trust.h).
  struct BodyLists {
    std::filesystem::path directory;    ///< empty: none
    std::chrono::seconds every{3'600};  ///< 0: nothing is fetched
    std::chrono::milliseconds deadline{10'000};
    std::filesystem::path roots_file;  ///< empty: the system's
  } body_lists;

  /// Time-stamp authorities of others, asked for the stamps of our seals.
  struct Timestamps {
    std::vector<std::string> foreign_urls;  ///< in the order of asking; none: only our own
    std::filesystem::path foreign_roots_file;
    std::vector<std::string> foreign_policies;  ///< object identifiers; none: any
    bool foreign_first = false;
    std::chrono::milliseconds foreign_deadline{2'000};
  } timestamps;

  /// Systems that know who people are (docs/gateways.md). An empty address: that source is off.
  struct Proofing {
    struct Source {
      std::string url, key_id;
      std::filesystem::path secret_file;
    };
    Source identity, association, social_card, face, network_id;
    bool network_id_face = false, network_id_tells = false;
    int network_id_level = 2;
    bool certificates = false;  ///< certificates of admitted bodies prove their holder
    bool simulated = false;     ///< an address is on this machine: pages say so
    std::filesystem::path roots_file;
    std::chrono::milliseconds deadline{3'000};
    std::array<std::chrono::seconds, 3> life{};  ///< of evidence for P1, P2, P3; zero: no end
  } proofing;

  /// Third-party platforms whose accounts log people in, as their file has them.
  std::vector<PlatformSettings> platforms;
  /// What each service item demands here.
  std::vector<ItemPolicy> items{least_item_policies().begin(), least_item_policies().end()};

  struct Documents {
    std::vector<std::string> issuers;  ///< "client/kind": who may state the facts of what
  } documents;

  struct Agency {
    std::string name = "演示社会保险经办中心", code = "12100000MB0000000L",
                caption = "社会保险业务专用章", filing;
  } agency;

  struct Passwords {
    int workers = 1, queue = 40, memory_kib = 19'456, passes = 2;
  } passwords;

  /// Text messages (短信).
  struct Sms {
    std::string url;  ///< empty: there are none
    std::string key_id, sign_name, code_template, notice_template;
    std::filesystem::path key_secret_file, roots_file;
    std::chrono::milliseconds deadline{3'000};
    auth::Otps::Config codes;
    std::chrono::seconds cool_off{24 * 3600};
  } sms;

  std::chrono::seconds cancel_wait{15 * 86'400};  ///< to think over the end of an account

  std::string instance = "xinyind-1";
  std::filesystem::path log_file;  ///< empty: standard error
  std::string fail_point;

  /// Reads every key. Errors: invalid_argument `config.invalid` naming all that is wrong.
  static base::Result<Config> read(base::Settings& settings, bool verify_only);
  /// The Markdown table of all keys.
  static std::string describe();
};

}  // namespace api
