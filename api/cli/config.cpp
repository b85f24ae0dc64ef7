#include "api/cli/config.h"

namespace cli {
namespace {

std::string domain_of(const std::string& url) {
  const auto from = url.find("://");
  return from == std::string::npos ? std::string() : url.substr(from + 3);
}

Config read_all(base::Settings& s) {
  Config config;
  const auto profile =
      s.text("profile", "demonstration",
             "demonstration or production; production refuses what is for show only");
  if (profile != "demonstration" && profile != "production")
    s.refuse("profile", "must be demonstration or production");
  config.production = profile == "production";

  config.public_url = s.text("public.url", "http://127.0.0.1:8080",
                             "where the public reaches the service; no slash at the end");
  config.domain = domain_of(config.public_url);
  if (config.domain.empty() || config.domain.find('/') != std::string::npos)
    s.refuse("public.url", "must be http(s)://host[:port] without a path");
  if (config.production && !config.public_url.starts_with("https://"))
    s.refuse("public.url", "must be https:// in production");

  config.database.service =
      s.text("database.service", "host=/run/postgresql dbname=xinyin user=xinyin_service",
             "libpq connection of the role xinyin_service");
  config.database.owner =
      s.text("database.owner", "host=/run/postgresql dbname=xinyin user=xinyin_owner",
             "libpq connection of the role xinyin_owner, which migrates");

  config.signer.socket =
      s.path("signer.socket", "/run/xinyin/signer.sock", "the signer's socket for the service");
  config.signer.officer_socket =
      s.path("signer.officer_socket", "/run/xinyin/officer.sock",
             "the signer's socket for officers: keys of the certificate authorities");
  config.signer.deadline = std::chrono::milliseconds(s.integer(
      "signer.deadline_ms", 5000, 100, 60'000, "longest wait for an answer of the signer"));

  config.signer.backups =
      s.path("signer.backups", "/var/lib/xinyin/backups",
             "the signer's officers.backups: where a ceremony finds the backup that it drills");

  config.pki_directory = s.path("pki.directory", "/var/lib/xinyin/pki",
                                "certificates, revocation lists and the trust list");
  config.crl_url =
      s.text("pki.crl_url", "",
             "http:// address of issuing.crl, put into certificates; empty leaves it out");
  if (!config.crl_url.empty() && !config.crl_url.starts_with("http://"))
    s.refuse("pki.crl_url", "must begin with http://");
  config.ocsp_url =
      s.text("pki.ocsp_url", "",
             "http:// address of /v1/pki/ocsp, put into certificates; empty leaves it out");
  if (!config.ocsp_url.empty() && !config.ocsp_url.starts_with("http://"))
    s.refuse("pki.ocsp_url", "must begin with http://");
  config.code_pepper_file = s.path("secrets.code_pepper", "/var/lib/xinyin/secrets/code-pepper",
                                   "file of the secret that document codes are hashed with");
  config.data_key_file = s.path("secrets.data_key", "/var/lib/xinyin/secrets/data-key.wrapped",
                                "file of the data key, wrapped by the token");

  config.agency.name = s.text("agency.name", "演示社会保险经办中心", "the agency's full name");
  config.agency.code =
      s.text("agency.code", "12100000MB0000000L", "its unified social credit code, 18 characters");
  if (config.agency.code.size() != 18) s.refuse("agency.code", "must have 18 characters");

  config.fail_point =
      s.text("testing.fail_point", "", "kills the program at a named place; for tests");
  if (config.production && !config.fail_point.empty())
    s.refuse("testing.fail_point", "is for tests; profile = production refuses it");
  return config;
}

}  // namespace

base::Result<Config> Config::read(base::Settings& settings) {
  auto config = read_all(settings);
  BASE_TRY_VOID(settings.finish());
  return config;
}

std::string Config::describe() {
  auto settings = base::Settings::from_text("", "xinyin.conf");
  read_all(*settings);
  return settings->describe();
}

}  // namespace cli
