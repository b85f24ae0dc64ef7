// The sRGB colour space as an ICC profile, version 2.1 display (ICC.1:1998-09; IEC 61966-2-1).
#pragma once

#include "base/bytes.h"

namespace seal::pdf {

/// Made from the standard's numbers: PDF/A wants one inside each file, and nobody's licence comes
/// along.
base::Bytes srgb_profile();

}  // namespace seal::pdf
