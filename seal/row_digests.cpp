#include "seal/row_digests.h"

#include <bit>
#include <span>
#include <vector>

#include "base/canonical_json.h"
#include "base/encoding.h"

namespace seal {
namespace {

constexpr std::uint8_t kLeaf = 0, kNode = 1;

base::Digest root_of(std::span<const base::Digest> leaves) {
  if (leaves.empty()) return base::sha256({});
  if (leaves.size() == 1) return leaves[0];
  const auto split = std::bit_floor(leaves.size() - 1);  // the largest power of two below
  const auto left = root_of(leaves.first(split)), right = root_of(leaves.subspan(split));
  return base::Sha256().update({&kNode, 1}).update(left).update(right).finish();
}

}  // namespace

base::Result<base::Digest> digest_rows(rapidjson::Value& rows,
                                       rapidjson::Document::AllocatorType& allocator,
                                       base::Random& random) {
  std::vector<base::Digest> leaves;
  leaves.reserve(rows.Size());
  const auto salts = random.bytes(std::size_t{16} * rows.Size());
  for (auto& row : rows.GetArray()) {
    const auto salt = base::to_hex(base::BytesView(salts).subspan(16 * leaves.size(), 16));
    row.AddMember("salt", rapidjson::Value(salt, allocator), allocator);
    BASE_TRY(const auto text, base::canonical_json(row));
    leaves.push_back(base::Sha256().update({&kLeaf, 1}).update(base::as_bytes(text)).finish());
  }
  return root_of(leaves);
}

}  // namespace seal
