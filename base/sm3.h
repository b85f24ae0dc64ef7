// What SM2 signatures are over: SM3 as a running state, and Z. GB/T 32905-2016, GB/T 32918.2-2016.
#pragma once

#include <memory>
#include <string_view>

#include "base/digest.h"

struct evp_md_ctx_st;  // OpenSSL's, whose headers stay out of this one

namespace base {

/// A running SM3 whose state can be copied: what stands before is hashed once.
class Sm3 {
 public:
  Sm3();
  Sm3(const Sm3& other);
  Sm3(Sm3&&) = default;
  Sm3& operator=(const Sm3& other);
  Sm3& operator=(Sm3&&) = default;
  ~Sm3() = default;
  Sm3& update(BytesView bytes);
  Digest finish() const;  ///< of all so far; more may follow

 private:
  struct Release {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Release> context_;
};

/// Z of an SM2 public key (`point` is x‖y, 64 bytes) and a user id: what every message that it
/// signs is hashed behind. GB/T 32918.2-2016 §5.5.
Digest sm2_z(BytesView point, std::string_view user_id);

}  // namespace base
