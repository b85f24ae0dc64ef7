#include "tests/hsm/openssl.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "base/encoding.h"
#include "hsm/algorithm.h"

namespace test {
namespace {

/// DER of r‖s.
std::string der(base::BytesView raw) {
  const auto integer = [](base::BytesView number) {
    std::string out;
    while (number.size() > 1 && number[0] == 0) number = number.subspan(1);
    if ((number[0] & 0x80) != 0) out += '\0';
    out += base::as_text(number);
    return std::string("\x02") + static_cast<char>(out.size()) + out;
  };
  const auto both = integer(raw.first(raw.size() / 2)) + integer(raw.last(raw.size() / 2));
  return std::string("\x30") + static_cast<char>(both.size()) + both;
}

}  // namespace

Ran run(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  int ends[2];
  base::check(::pipe2(ends, O_CLOEXEC) == 0, "no pipe");
  std::vector<char*> argv;
  for (const auto& one : arguments) argv.push_back(const_cast<char*>(one.c_str()));
  argv.push_back(nullptr);
  const auto pid = ::fork();
  if (pid == 0) {
    for (const auto& one : environment) ::putenv(const_cast<char*>(one.c_str()));
    ::dup2(ends[1], 1);
    ::dup2(ends[1], 2);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  Ran ran;
  char buffer[4096];
  for (ssize_t got; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    ran.out.append(buffer, static_cast<std::size_t>(got));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  base::check(ran.status != 127,
              "cannot run " + arguments.front() + ": apt-get install openssl opensc softhsm2");
  return ran;
}

bool openssl_verifies(const hsm::KeyInfo& key, base::BytesView signature,
                      std::string_view message) {
  std::string pattern = (std::filesystem::temp_directory_path() / "xinyin-openssl-XXXXXX").string();
  base::check(::mkdtemp(pattern.data()) != nullptr, "no directory");
  const std::filesystem::path place = pattern;
  std::ofstream(place / "key.pem") << base::to_pem("PUBLIC KEY", key.public_key);
  std::ofstream(place / "message", std::ios::binary) << message;
  const auto& facts = hsm::facts_of(key.algorithm);
  const bool pair = facts.scheme == hsm::Scheme::ecdsa || facts.scheme == hsm::Scheme::sm2;
  std::ofstream(place / "signature", std::ios::binary)
      << (pair ? der(signature) : std::string(base::as_text(signature)));
  const std::vector<std::string> files{
      "-in",    place / "message", "-sigfile",        place / "signature",
      "-pubin", "-inkey",          place / "key.pem", "-rawin"};
  std::vector<std::string> call{"openssl", "pkeyutl", "-verify"};
  call.insert(call.end(), files.begin(), files.end());
  if (facts.scheme == hsm::Scheme::sm2)
    call.insert(call.end(), {"-digest", "sm3", "-pkeyopt", "distid:1234567812345678"});
  else if (facts.scheme != hsm::Scheme::eddsa)
    call.insert(call.end(), {"-digest", facts.input_size == 48 ? "sha384" : "sha256"});
  const auto ran = run(call);
  std::filesystem::remove_all(place);
  return ran.status == 0 && ran.out == "Signature Verified Successfully\n";
}

}  // namespace test
