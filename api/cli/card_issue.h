// An officer's card made: two keys, and a certificate that the card itself signs. It names the
// person, and is believed only once the officers' ledger says so.
#pragma once

#include <memory>
#include <string>

#include "api/cli/card_file.h"

namespace cli {

struct CardPerson {
  std::string id, name;
};

/// Makes the keys on an empty card, and leaves it open. Errors: those of hsm::make_card and Card.
base::Result<std::unique_ptr<hsm::Card>> issue_card(Context& context, const CardFile& file,
                                                    hsm::NewCard card, const CardPerson& person);

}  // namespace cli
