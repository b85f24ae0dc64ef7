#include "tests/support/card.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "base/encoding.h"
#include "tests/support/token.h"

namespace test {
namespace {

void write(const std::filesystem::path& path, const std::string& text, mode_t mode) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  base::check(file.good() && ::chmod(path.c_str(), mode) == 0, "cannot write " + path.string());
}

}  // namespace

Card::Card(std::string label, std::string pin) : label_(std::move(label)), pin_(std::move(pin)) {
  std::string pattern = (std::filesystem::temp_directory_path() / "xinyin-card-XXXXXX").string();
  base::check(::mkdtemp(pattern.data()) != nullptr, "cannot make " + pattern);
  directory_ = pattern;
  if (pin_.empty()) pin_ = base::to_hex(random_.bytes(8));
  write(softhsm_conf(),
        "directories.tokendir = " + (directory_ / "tokens").string() +
            "\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
        0644);
  write(pin_file(), pin_ + "\n", 0600);
  point_softhsm_here();
  hsm::NewCard card{Token::module(), label_, directory_ / "tokens", base::Secret(random_.bytes(8)),
                    base::Secret(base::as_bytes(pin_))};
  std::filesystem::create_directory(card.directory);
  if (const auto made = hsm::make_card(card, random_); !made.ok())
    base::fail("cannot make a card: " + made.error().key + ": " + made.error().detail);
  share_key_ = open()->share_key();
}

Card::~Card() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Card::point_softhsm_here() const {
  ::setenv("SOFTHSM2_CONF", softhsm_conf().c_str(), 1);
}

hsm::CardConfig Card::config() const {
  return {Token::module(), label_, "", base::Secret(base::as_bytes(pin_))};
}

std::unique_ptr<hsm::Card> Card::open(bool writable) {
  point_softhsm_here();
  auto wanted = config();
  wanted.writable = writable;
  auto card = hsm::Card::open(std::move(wanted), random_);
  if (!card.ok())
    base::fail("cannot open a card: " + card.error().key + ": " + card.error().detail);
  return std::move(card).value();
}

std::filesystem::path Card::settings(bool with_pin) const {
  const auto path = directory_ / (with_pin ? "card.conf" : "card-asking.conf");
  write(path,
        "card.module = " + Token::module().string() + "\ncard.label = " + label_ +
            "\ncard.softhsm_conf = softhsm2.conf\ncard.directory = tokens\n" +
            (with_pin ? "card.pin_file = pin\n" : ""),
        0644);
  return path;
}

}  // namespace test
