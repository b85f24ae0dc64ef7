// The configuration of xinyind: every key, its default and its help stand in config.cpp, and
// `xinyind --print-config` prints them (docs/config.md is that text).
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "api/http/address.h"
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
    std::vector<Network> operators;        ///< who may read /metrics
    std::chrono::milliseconds head_deadline{10'000}, body_deadline{60'000}, idle{60'000},
        write_idle{30'000}, answer_deadline{30'000};
    std::chrono::milliseconds drain{5'000}, finish{20'000};
  } http;

  struct Workers {
    int lookup = 2, pages = 4, login = 4, issue = 4, upload = 1;
    int queue = 256, upload_queue = 8;
    std::chrono::milliseconds queue_deadline{3'000};
  } workers;

  struct Limits {  ///< requests a minute and network; 0: no limit
    int lookup = 6'000, login = 1'200, token = 60'000, issue = 6'000, upload = 120;
  } limits;

  struct Database {
    std::string conninfo;
    int connections = 6;
  } database;

  struct Signer {
    std::filesystem::path socket;
    std::string seal_key = "seal-1", timestamp_key = "timestamp-1", openid_key = "openid-1";
    std::chrono::milliseconds deadline{2'000};
  } signer;

  struct Audit {
    std::string key = "audit-1";
    std::chrono::seconds head_every{60};
    int head_rows = 1'000;
  } audit;

  std::filesystem::path pki_directory;
  std::filesystem::path code_pepper_file, data_key_file;
  std::filesystem::path font_file;
  std::filesystem::path seen_lists_file;  ///< empty: the newest list is known while it runs
  std::string root_sha256;                ///< pinned root, hex; empty: the list's own root is taken

  struct Agency {
    std::string name = "演示社会保险经办中心", code = "12100000MB0000000L",
                caption = "社会保险业务专用章", filing;
  } agency;

  struct Passwords {
    int workers = 1, queue = 40, memory_kib = 19'456, passes = 2;
  } passwords;

  std::string instance = "xinyind-1";
  std::filesystem::path log_file;  ///< empty: standard error
  std::string fail_point;

  /// Reads every key. Errors: invalid_argument `config.invalid` naming all that is wrong.
  static base::Result<Config> read(base::Settings& settings, bool verify_only);
  /// The Markdown table of all keys.
  static std::string describe();
};

}  // namespace api
