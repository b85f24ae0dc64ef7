#include "api/cli/card_file.h"

#include "base/settings.h"
#include "hsm/software_token.h"

namespace cli {

base::Result<CardFile> CardFile::read(const std::filesystem::path& path) {
  BASE_TRY(auto s, base::Settings::from_file(path));
  CardFile card;
  s.required("card.module", "the PKCS#11 module of the card, a shared object");
  card.module = s.path("card.module", "", "the PKCS#11 module of the card, a shared object");
  card.label = s.required("card.label", "the card's label");
  card.serial = s.text("card.serial", "", "its serial number; empty takes any card of that label");
  card.softhsm_conf =
      s.path("card.softhsm_conf", "",
             "of a software card: SoftHSM's configuration, handed to it as SOFTHSM2_CONF");
  card.directory = s.path("card.directory", "", "of a software card: where its files lie");
  card.pin_file = s.path("card.pin_file", "", "file with the PIN; empty: it is asked for");
  if (card.label.size() > 32) s.refuse("card.label", "has 1 to 32 bytes");
  if (card.softhsm_conf.empty() != card.directory.empty())
    s.refuse("card.directory", "goes together with card.softhsm_conf");
  BASE_TRY_VOID(s.finish());
  return card;
}

std::string CardFile::name() const {
  return label + (serial.empty() ? "" : " (" + serial + ")");
}

void add_card_options(CLI::App& app, CardOptions& options) {
  app.add_option("--card", options.card, "settings file of the officer's card")->required();
  add_pin_options(app, "pin", "its PIN", options.pin);
}

base::Result<std::unique_ptr<hsm::Card>> open_card(Context& context, const CardOptions& options,
                                                   bool writable) {
  BASE_TRY(const auto file, CardFile::read(options.card));
  auto source = options.pin;
  if (source.fd < 0 && source.file.empty()) source.file = file.pin_file;
  hsm::CardConfig config;
  config.module = file.module;
  config.label = file.label;
  config.serial = file.serial;
  config.writable = writable;
  BASE_TRY(config.pin, read_pin(source, file.name()));
  hsm::point_softhsm_at(file.softhsm_conf);
  return hsm::Card::open(std::move(config), context.random());
}

}  // namespace cli
