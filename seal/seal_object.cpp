#include "seal/seal_object.h"

#include <cmath>

#include "seal/ofd/seal_picture.h"

namespace seal {

std::int64_t type_code(SealType type) {
  switch (type) {
    case SealType::unit:
      return 1;
    case SealType::finance:
      return 2;
    case SealType::contract:
      return 4;
    case SealType::personal:
      return 5;
    case SealType::business:
    case SealType::other:
      return 99;
  }
  base::fail("unknown SealType");
}

base::Result<SealDraft> object_draft(const SealSpec& spec, const pdf::FontFace& face,
                                     std::vector<certs::Certificate> sealers, base::Time created) {
  if (spec.ofd_key.empty()) return base::error(base::Code::invalid_argument, "seal.spec.format");
  SealDraft out;
  out.version = spec.format == 5 ? verify::ses::Version::v5 : verify::ses::Version::v4;
  out.id = spec.id;
  out.type = type_code(spec.type);
  out.name = spec.name;
  out.sealers = std::move(sealers);
  out.created = created;
  out.valid_from = spec.valid_from;
  out.valid_until = spec.valid_until;
  out.picture_type = "ofd";
  BASE_TRY(out.picture, ofd::seal_picture(face, spec.picture));
  out.width_mm = std::lround(spec.picture.width_mm);
  out.height_mm = std::lround(spec.picture.height_mm);
  return out;
}

}  // namespace seal
