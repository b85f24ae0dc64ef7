// A throw-away officer's card: a SoftHSM token of its own with a card's keys.
//
//   test::Card card("card-zhang");
//   auto opened = card.open();      // one login in a process: let it go before the next is opened
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "hsm/card.h"

namespace test {

class Card {
 public:
  /// A failure stops the test program.
  explicit Card(std::string label, std::string pin = "");
  ~Card();
  Card(const Card&) = delete;
  Card& operator=(const Card&) = delete;

  std::unique_ptr<hsm::Card> open(bool writable = false);
  hsm::CardConfig config() const;
  void point_softhsm_here() const;
  const std::string& label() const { return label_; }
  const std::string& pin() const { return pin_; }
  /// SubjectPublicKeyInfo of the agreement key.
  const base::Bytes& share_key() const { return share_key_; }
  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path softhsm_conf() const { return directory_ / "softhsm2.conf"; }
  std::filesystem::path pin_file() const { return directory_ / "pin"; }
  /// The settings file that `xinyin --card` takes, with or without the PIN's file.
  std::filesystem::path settings(bool with_pin = true) const;

 private:
  std::string label_, pin_;
  std::filesystem::path directory_;
  base::Bytes share_key_;
  base::SystemRandom random_;
};

}  // namespace test
