// The keys on a token as the token itself describes them. Private to this room.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hsm/key.h"
#include "hsm/pkcs11.h"

namespace hsm::p11 {

enum class Part { private_half, public_half, secret };
std::string_view to_string(Part part);

/// Yes-or-no attributes by name ("sensitive", "extractable", …); absent when the token does not
/// tell.
using Attributes = std::map<std::string, bool, std::less<>>;

struct Object {
  Handle handle = 0;
  Part part = Part::private_half;
  std::string label;
  base::Bytes id;                      ///< CKA_ID
  std::optional<Algorithm> algorithm;  ///< none: a kind of key this house does not use
  base::Bytes spki;                    ///< of a public half
  Attributes attributes;               ///< of a private half or a secret key
};

/// All key objects. Two calls an object where the module answers whole templates, one an attribute
/// where it does not. Errors: unavailable `hsm.unavailable`.
base::Result<std::vector<Object>> read_objects(const Login& login, Handle session);
/// One of them, by handle.
Rv read_object(const Login& login, Handle session, Handle handle, Part part, Object& object);

/// The handles of one key's part; a sound token has exactly one. `rv` tells why there is none.
std::vector<Handle> find_objects(const Login& login, Handle session, Part part, base::BytesView id,
                                 Rv& rv);

/// What a key of this algorithm must look like on the token: sensitive, never extractable, born
/// there, unchangeable, and good for its one use only.
Attributes wanted_attributes(Algorithm algorithm);
/// "extractable is true, must be false; …"; empty when all is as wanted.
std::string differences(const Attributes& found, const Attributes& wanted);

}  // namespace hsm::p11
