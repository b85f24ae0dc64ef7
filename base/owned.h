// Owners for what C libraries give out and want back: Owned<EVP_PKEY, EVP_PKEY_free>.
#pragma once

#include <memory>

namespace base {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;

}  // namespace base
