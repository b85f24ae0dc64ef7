// The configuration of `xinyin`: every key, its default and its help stand in config.cpp;
// `xinyin --print-config` prints them.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "base/settings.h"

namespace cli {

struct Config {
  bool production = false;
  std::string public_url;  ///< no trailing slash
  std::string domain;      ///< of public_url: where verification pages stand

  struct Database {
    std::string service;  ///< libpq conninfo of xinyin_service
    std::string owner;    ///< of xinyin_owner, for migrations
  } database;

  struct Signer {
    std::filesystem::path socket;          ///< what the service may do
    std::filesystem::path officer_socket;  ///< what officers may do: authorities' keys
    std::chrono::milliseconds deadline{5'000};
    std::filesystem::path backups;  ///< where the signer puts them (its officers.backups)
  } signer;

  std::filesystem::path pki_directory;
  std::string crl_url;
  std::string ocsp_url;
  std::filesystem::path code_pepper_file;
  std::filesystem::path data_key_file;

  struct Agency {
    std::string name;
    std::string code;  ///< unified social credit code
  } agency;

  std::string fail_point;  ///< where to die, for tests

  /// Reads every key. Errors: invalid_argument `config.invalid` naming all that is wrong.
  static base::Result<Config> read(base::Settings& settings);
  /// The Markdown table of all keys.
  static std::string describe();
};

}  // namespace cli
