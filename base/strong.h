// Strong ids: a SubjectId is not a ClientId, though both are text.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace base {

/// using SubjectId = base::Strong<struct SubjectTag>;
template <class Tag, class V = std::string>
class Strong {
 public:
  Strong() = default;
  explicit Strong(V value) : value_(std::move(value)) {}
  const V& value() const { return value_; }
  auto operator<=>(const Strong&) const = default;
  bool operator==(const Strong&) const = default;

 private:
  V value_{};
};

}  // namespace base

template <class Tag, class V>
struct std::hash<base::Strong<Tag, V>> {
  std::size_t operator()(const base::Strong<Tag, V>& id) const {
    return std::hash<V>{}(id.value());
  }
};
