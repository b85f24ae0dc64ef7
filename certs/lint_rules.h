// The longer rules of certs/lint.cpp's table, each true when the certificate keeps it.
// Included by certs/lint*.cpp only.
#pragma once

#include "certs/certificate.h"

namespace certs::rules {

bool alternative_name_fits_subject(const Certificate& c);
bool alternative_name_forms(const Certificate& c);
bool server_named_by_alternative_names(const Certificate& c);
bool uses_of_one_profile(const Certificate& c);
bool life_of_profile(const Certificate& c);
bool nocheck_for_responders_only(const Certificate& c);
bool login_has_pseudonym(const Certificate& c);
bool no_identity_number(const Certificate& c);
bool key_usage_fits_key(const Certificate& c);
bool key_use_within_life(const Certificate& c);
bool access_form(const Certificate& c);
bool named_curve(const Certificate& c);
bool rsa_without_small_factor(const Certificate& c);
bool rsa_factors_apart(const Certificate& c);

}  // namespace certs::rules
