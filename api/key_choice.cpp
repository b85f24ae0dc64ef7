#include "api/key_choice.h"

#include <algorithm>
#include <system_error>

#include "api/public_files.h"

namespace api {
namespace {

constexpr std::size_t kMostFile = 64 * 1024;

base::Error no_key(const std::string& label, const std::string& why) {
  auto failure = base::error(base::Code::not_found, "api.no_key", label + ": " + why);
  failure.args = {{"label", label}, {"why", why}};
  return failure;
}

base::Result<ChosenKey> with_key(Services& services, const std::string& label,
                                 certs::Certificate certificate) {
  BASE_TRY(auto key, services.signer->key(label));
  if (key->info().public_key != certificate.public_key())
    return no_key(label, "its certificate is of another key");
  return ChosenKey{label, std::move(key), std::move(certificate)};
}

}  // namespace

std::vector<int> numbers_of(const std::filesystem::path& directory, const std::string& stem) {
  std::vector<int> out;
  std::error_code wrong;
  for (const auto& entry : std::filesystem::directory_iterator(directory, wrong)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with(stem) || !name.ends_with(".pem")) continue;
    const auto digits = name.substr(stem.size(), name.size() - stem.size() - 4);
    const bool number =
        !digits.empty() && digits.size() <= 6 && digits[0] != '0' &&
        std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (number) out.push_back(std::stoi(digits));
  }
  std::sort(out.rbegin(), out.rend());
  return out;
}

base::Result<certs::Certificate> certificate_of(const Config& config, const std::string& label) {
  BASE_TRY(const auto pem, read_file(config.pki_directory / (label + ".pem"), kMostFile));
  return certs::Certificate::from_pem(pem);
}

base::Result<ChosenKey> choose_key(Services& services, const std::string& label,
                                   certs::ChainPurpose purpose) {
  const auto& config = services.config;
  const auto verifier = services.verifier.get();
  if (!verifier) return base::error(base::Code::unavailable, "api.no_trust_list", "no trust list");
  if (!label.ends_with('*')) {
    BASE_TRY(auto certificate, certificate_of(config, label));
    return with_key(services, label, std::move(certificate));
  }
  const auto stem = label.substr(0, label.size() - 1);
  const auto now = services.clock.now();
  base::Error last = no_key(label, "no certificate in the PKI directory");
  for (const int number : numbers_of(config.pki_directory, stem)) {
    const auto one = stem + std::to_string(number);
    auto certificate = certificate_of(config, one);
    if (!certificate.ok()) {
      last = certificate.error();
      continue;
    }
    const auto chain = certs::validate(*certificate, {}, verifier->trust(), purpose, now);
    if (chain.answer != certs::ChainAnswer::trusted && chain.answer != certs::ChainAnswer::unsure) {
      last = no_key(one, chain.reason);
      continue;
    }
    if (now > certs::key_use_ends(*certificate)) {
      last = no_key(one, "its period of use is over");
      continue;
    }
    auto chosen = with_key(services, one, std::move(*certificate));
    if (chosen.ok()) return chosen;
    last = chosen.error();
    if (last.code == base::Code::unavailable) return last;  // the signer is away: no lesser key
  }
  return last;
}

}  // namespace api
