// The page that asks for a certificate, by a text to be signed or by the handshake.
#pragma once

#include <string>
#include <string_view>

#include "api/pages/renderer.h"
#include "base/result.h"

namespace api::pages {

/// A certificate's holder as pages show him: numbers in part. LD/T 01-2020 6.2.1–6.2.3.
std::string masked_holder(std::string_view holder);

struct CertificatePage {
  std::string csrf, action, return_to;
  std::string back;   ///< where one goes who will not
  std::string other;  ///< the same at the other address; empty: there is none
  bool binds = false;
  bool at_tls = false;
  std::string holder = {};                         ///< at_tls: whom the browser showed; empty: nobody
  std::string challenge = {}, text = {}, file = {};  ///< else: what is to be signed, and as a file
  const base::Error* problem = nullptr;
};
std::string certificate(const Renderer& look, const CertificatePage& page);

}  // namespace api::pages
