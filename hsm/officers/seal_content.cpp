#include "hsm/officers/seal_content.h"

#include "base/digest.h"
#include "base/text.h"

namespace hsm::officers {
namespace {

constexpr std::uint8_t kInteger = 0x02, kOctets = 0x04, kUtf8 = 0x0c, kIa5 = 0x16, kTime = 0x18,
                       kSequence = 0x30;
constexpr std::size_t kMostText = 512;

/// The values of a sequence, one after the other. What it reads is strict DER.
class Values {
 public:
  explicit Values(base::BytesView in) : in_(in) {}

  bool done() const { return in_.empty(); }
  std::optional<base::BytesView> take(std::uint8_t tag) {
    if (in_.size() < 2 || in_[0] != tag) return std::nullopt;
    std::size_t size = in_[1], head = 2;
    if (size >= 0x80) {
      const std::size_t octets = size & 0x7f;
      if (octets == 0 || octets > 4 || in_.size() < 2 + octets) return std::nullopt;
      size = 0;
      for (std::size_t i = 0; i < octets; ++i) size = size << 8 | in_[2 + i];
      head += octets;
    }
    if (in_.size() - head < size) return std::nullopt;
    const auto value = in_.subspan(head, size);
    in_ = in_.subspan(head + size);
    return value;
  }
  std::optional<Values> sequence() {
    const auto value = take(kSequence);
    return value ? std::optional(Values(*value)) : std::nullopt;
  }
  /// Text that people can be shown.
  std::optional<std::string> text(std::uint8_t tag) {
    const auto value = take(tag);
    if (!value || value->empty() || value->size() > kMostText) return std::nullopt;
    std::string out(base::as_text(*value));
    if (!base::is_utf8(out)) return std::nullopt;
    return out;
  }
  std::optional<int> small() {
    const auto value = take(kInteger);
    if (!value || value->size() != 1 || (*value)[0] > 0x7f) return std::nullopt;
    return (*value)[0];
  }
  /// "20261127030000Z"
  std::optional<base::Time> time() {
    const auto value = take(kTime);
    if (!value || value->size() != 15) return std::nullopt;
    const auto t = std::string(base::as_text(*value));
    return base::parse_rfc3339(t.substr(0, 4) + "-" + t.substr(4, 2) + "-" + t.substr(6, 2) + "T" +
                               t.substr(8, 2) + ":" + t.substr(10, 2) + ":" + t.substr(12, 2) +
                               t.substr(14));
  }

 private:
  base::BytesView in_;
};

bool read_header(Values header) {
  const auto mark = header.text(kIa5);
  const auto version = header.small();
  const auto vendor = header.text(kIa5);
  return mark == "ES" && (version == 4 || version == 5) && vendor && header.done();
}

bool read_property(Values property, Content& out) {
  const auto type = property.take(kInteger);
  auto name = property.text(kUtf8);
  const auto list_type = property.small();
  const auto list = property.take(kSequence);
  const auto created = property.time(), from = property.time(), to = property.time();
  if (!type || !name || (list_type != 1 && list_type != 2) || !list || list->empty() || !created ||
      !from || !to || *to <= *from || !property.done())
    return false;
  out.seal_name = std::move(*name);
  out.from = *from;
  out.to = *to;
  return true;
}

bool read_picture(Values picture, Content& out) {
  const auto type = picture.text(kIa5);
  const auto data = picture.take(kOctets);
  const auto width = picture.take(kInteger), height = picture.take(kInteger);
  if (!type || !data || data->empty() || !width || !height || !picture.done()) return false;
  out.name = base::sha256(*data);
  return true;
}

}  // namespace

bool is_seal_info(base::BytesView der) {
  auto info = Values(der).sequence();
  auto header = info ? info->sequence() : std::nullopt;
  return header && header->text(kIa5) == "ES";
}

std::optional<Content> read_seal_info(base::BytesView der) {
  Values outer(der);
  auto info = outer.sequence();
  if (!info || !outer.done()) return std::nullopt;
  const auto header = info->sequence();
  auto id = info->text(kIa5);
  const auto property = info->sequence(), picture = info->sequence();
  Content out;
  out.kind = ContentKind::seal_object;
  if (!header || !read_header(*header) || !id || !property || !read_property(*property, out) ||
      !picture || !read_picture(*picture, out) || !info->done())
    return std::nullopt;  // extensions: nobody here would know what they promise
  out.seal_id = std::move(*id);
  return out;
}

}  // namespace hsm::officers
