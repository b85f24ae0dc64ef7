#include "verify/ses.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/digest.h"
#include "certs/signature.h"
#include "verify/ses_fields.h"

namespace verify::ses {
namespace {

using base::BytesView;
using certs::der::Walk;
using namespace fields;

class Parser {
 public:
  explicit Parser(const Limits& limits) : limits_(limits) {}
  Problem whole(BytesView der) const;
  Problem seal(BytesView content, Seal& out) const;
  Problem signature(BytesView content, Signature& out) const;

 private:
  Problem info(BytesView content, Seal& out) const;
  Problem header(Walk& from, Seal& out) const;
  Problem property(BytesView content, Seal& out) const;
  Problem list(Walk& from, std::int64_t type, Seal& out) const;
  Problem picture(BytesView content, Picture& out) const;
  Problem extensions(BytesView content, std::vector<Extension>& out) const;
  Problem maker(Walk& from, Seal& out) const;
  Problem certificate(Walk& from, BytesView& out) const;
  Problem signature_value(Walk& from, BytesView& out) const;
  Problem token(Walk& from, std::optional<BytesView>& out) const;
  Problem to_sign(BytesView content, Signature& out) const;
  Problem old_time(BytesView content, Signature& out) const;

  const Limits limits_;
};

/// One DER value in its only form, and nothing behind it.
Problem Parser::whole(BytesView der) const {
  if (der.size() > limits_.bytes) return "verify.ses.too_large";
  const auto size = certs::der::first_size(der);
  if (size != 0 && size < der.size()) return "verify.ses.trailing";
  return certs::der::is_strict(der) && der[0] == kSequence ? kFine : "verify.ses.der";
}

Problem Parser::certificate(Walk& from, BytesView& out) const {
  const auto content = from.take(kOctets);
  if (!content) return "verify.ses.structure";
  if (content->size() > limits_.certificate_bytes || !certs::der::is_strict(*content) ||
      (*content)[0] != kSequence)
    return "verify.ses.certificate";
  out = *content;
  return kFine;
}

Problem Parser::signature_value(Walk& from, BytesView& out) const {
  SES_TRY(bits(from, out));
  return certs::ecdsa_from_der(out) ? kFine : "verify.ses.signature_value";
}

/// [0] EXPLICIT BIT STRING, or the end.
Problem Parser::token(Walk& from, std::optional<BytesView>& out) const {
  if (from.empty()) return kFine;
  const auto tagged = from.take(kTagged0);
  if (!tagged || !from.empty()) return "verify.ses.structure";
  Walk inside(*tagged);
  BytesView content;
  SES_TRY(bits(inside, content));
  if (!inside.empty()) return "verify.ses.structure";
  if (content.empty() || content.size() > limits_.token_bytes) return "verify.ses.time_stamp";
  out = content;
  return kFine;
}

Problem Parser::seal(BytesView content, Seal& out) const {
  Walk fields(content);
  const auto inside = fields.take(kSequence, &out.info);
  if (!inside) return "verify.ses.structure";
  SES_TRY(info(*inside, out));
  if (out.version != Version::v1) {
    SES_TRY(maker(fields, out));
    SES_TRY(token(fields, out.time_stamp));
    if (out.time_stamp && out.version == Version::v4) return "verify.ses.time_stamp_not_in_version";
    return kFine;
  }
  const auto sign_info = fields.take(kSequence);
  if (!sign_info || !fields.empty()) return "verify.ses.structure";
  Walk signing(*sign_info);
  SES_TRY(maker(signing, out));
  return signing.empty() ? kFine : "verify.ses.structure";
}

Problem Parser::maker(Walk& from, Seal& out) const {
  Walk again = from;
  SES_TRY(certificate(from, out.maker));
  SES_TRY(algorithm(from));
  BytesView first, second;
  if (!again.take(kOctets, &first) || !again.take(kOid, &second)) return "verify.ses.structure";
  out.maker_fields = {first.data(), first.size() + second.size()};
  return signature_value(from, out.signature);
}

Problem Parser::info(BytesView content, Seal& out) const {
  Walk fields(content);
  SES_TRY(header(fields, out));
  SES_TRY(ascii(fields, kIa5, 128, out.id));
  const auto its_property = fields.take(kSequence);
  const auto its_picture = its_property ? fields.take(kSequence) : std::nullopt;
  if (!its_picture) return "verify.ses.structure";
  SES_TRY(property(*its_property, out));
  SES_TRY(picture(*its_picture, out.picture));
  if (fields.empty()) return kFine;
  // The text of the standards tags them, makers write them both ways, and both are signed.
  auto list = fields.tag() == kTagged0 ? fields.take(kTagged0) : std::nullopt;
  Walk tagged(list.value_or(BytesView{}));
  const auto untagged = (list ? tagged : fields).take(kSequence);
  if (!untagged || !fields.empty() || !tagged.empty()) return "verify.ses.structure";
  return extensions(*untagged, out.extensions);
}

Problem Parser::header(Walk& from, Seal& out) const {
  const auto content = from.take(kSequence);
  if (!content) return "verify.ses.structure";
  Walk fields(*content);
  std::string mark;
  SES_TRY(ascii(fields, kIa5, 16, mark));
  if (mark != "ES") return "verify.ses.header";
  std::int64_t version = 0;
  SES_TRY(integer(fields, version));
  if (version != 1 && version != 4 && version != 5) return "verify.ses.version";
  out.version = static_cast<Version>(version);
  SES_TRY(ascii(fields, kIa5, 128, out.vendor));
  return fields.empty() ? kFine : "verify.ses.structure";
}

Problem Parser::property(BytesView content, Seal& out) const {
  Walk fields(content);
  SES_TRY(integer(fields, out.type));
  SES_TRY(utf8(fields, 512, out.name));
  std::int64_t list_type = 1;
  const bool old = out.version == Version::v1;
  if (!old) SES_TRY(integer(fields, list_type));
  if (list_type != 1 && list_type != 2) return "verify.ses.list_type";
  SES_TRY(list(fields, list_type, out));
  const auto tag = old ? kUtcTime : kGeneralizedTime;
  SES_TRY(time(fields, tag, out.created));
  SES_TRY(time(fields, tag, out.valid_from));
  SES_TRY(time(fields, tag, out.valid_until));
  if (!fields.empty()) return "verify.ses.structure";
  return out.valid_from <= out.valid_until ? kFine : "verify.ses.time";
}

/// The list carries no tag: its type alone says what it holds, and it must hold that.
Problem Parser::list(Walk& from, std::int64_t type, Seal& out) const {
  const auto content = from.take(kSequence);
  if (!content) return "verify.ses.structure";
  Walk members(*content);
  for (std::size_t count = 0; !members.empty(); ++count) {
    if (count == limits_.listed) return "verify.ses.list";
    if (members.tag() != (type == 1 ? kOctets : kSequence)) return "verify.ses.list";
    if (type == 1) {
      SES_TRY(certificate(members, out.certificates.emplace_back()));
      continue;
    }
    Walk member(*members.take(kSequence));
    std::string digest;
    SES_TRY(ascii(member, kPrintable, 64, digest));
    const auto value = member.take(kOctets);
    if (!value || !member.empty()) return "verify.ses.list";
    if ((digest != "SM3" && digest != kSm3) || value->size() != 32) return "verify.ses.list_digest";
    out.digests.push_back(*value);
  }
  return out.certificates.empty() && out.digests.empty() ? "verify.ses.list" : kFine;
}

Problem Parser::picture(BytesView content, Picture& out) const {
  static constexpr std::array<std::string_view, 6> kTypes{"png", "jpg", "gif", "bmp", "svg", "ofd"};
  Walk fields(content);
  SES_TRY(ascii(fields, kIa5, 16, out.type));
  for (char& c : out.type)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  if (out.type == "jpeg") out.type = "jpg";
  if (std::find(kTypes.begin(), kTypes.end(), out.type) == kTypes.end())
    return "verify.ses.picture_type";
  const auto data = fields.take(kOctets);
  if (!data) return "verify.ses.structure";
  SES_TRY(integer(fields, out.width_mm));
  SES_TRY(integer(fields, out.height_mm));
  if (!fields.empty()) return "verify.ses.structure";
  const auto good_size = [&](std::int64_t mm) { return mm >= 1 && mm <= limits_.picture_mm; };
  if (data->size() > limits_.picture_bytes || !good_size(out.width_mm) ||
      !good_size(out.height_mm) || !is_picture(out.type, *data))
    return "verify.ses.picture";
  out.data = *data;
  return kFine;
}

Problem Parser::extensions(BytesView content, std::vector<Extension>& out) const {
  Walk members(content);
  std::set<std::string> seen;
  while (!members.empty()) {
    const auto member = members.take(kSequence);
    if (!member || out.size() == limits_.extensions) return "verify.ses.extensions";
    Walk fields(*member);
    Extension one;
    const auto oid = fields.take(kOid);
    if (oid) one.id = certs::der::dotted(*oid);
    if (fields.tag() == kBoolean) {
      // FALSE is the default, and a default is left out (X.690 §11.5).
      one.critical = (*fields.take(kBoolean))[0] != 0;
      if (!one.critical) return "verify.ses.extensions";
    }
    const auto value = fields.take(kOctets);
    if (one.id.empty() || !value || !fields.empty() || !seen.insert(one.id).second)
      return "verify.ses.extensions";
    one.value = *value;
    out.push_back(std::move(one));
  }
  return kFine;
}

Problem Parser::signature(BytesView content, Signature& out) const {
  Walk fields(content);
  const auto inside = fields.take(kSequence, &out.to_sign);
  if (!inside) return "verify.ses.structure";
  SES_TRY(to_sign(*inside, out));
  if (out.version == Version::v1) {
    SES_TRY(signature_value(fields, out.signature));
    return fields.empty() ? kFine : "verify.ses.structure";
  }
  SES_TRY(certificate(fields, out.signer));
  SES_TRY(algorithm(fields));
  SES_TRY(signature_value(fields, out.signature));
  return token(fields, out.time_stamp);
}

Problem Parser::to_sign(BytesView content, Signature& out) const {
  Walk fields(content);
  std::int64_t version = 0;
  SES_TRY(integer(fields, version));
  if (version != 1 && version != 4 && version != 5) return "verify.ses.version";
  out.version = static_cast<Version>(version);
  const auto its_seal = fields.take(kSequence, &out.seal.whole);
  if (!its_seal) return "verify.ses.structure";
  SES_TRY(seal(*its_seal, out.seal));
  if (out.seal.version != out.version) return "verify.ses.version_mixed";
  const bool old = out.version == Version::v1;
  if (old) {
    BytesView moment;
    SES_TRY(bits(fields, moment));
    SES_TRY(old_time(moment, out));
  } else {
    SES_TRY(time(fields, kGeneralizedTime, out.signed_at.emplace()));
  }
  SES_TRY(bits(fields, out.data_hash));
  if (out.data_hash.size() != 32) return "verify.ses.data_hash";
  SES_TRY(ascii(fields, kIa5, 1024, out.property_info));
  if (old) {
    SES_TRY(certificate(fields, out.signer));
    SES_TRY(algorithm(fields));
  } else if (!fields.empty()) {
    const auto tagged = fields.take(kTagged0);
    Walk inside(tagged.value_or(BytesView{}));
    const auto list = inside.take(kSequence);
    if (!list || !inside.empty()) return "verify.ses.structure";
    SES_TRY(extensions(*list, out.extensions));
  }
  return fields.empty() ? kFine : "verify.ses.structure";
}

/// A UTCTime, or a time-stamp token in its place.
Problem Parser::old_time(BytesView content, Signature& out) const {
  if (!certs::der::is_strict(content)) return "verify.ses.time";
  if (content[0] == kSequence) {
    if (content.size() > limits_.token_bytes) return "verify.ses.time_stamp";
    out.time_info = content;
    return kFine;
  }
  Walk moment(content);
  SES_TRY(time(moment, kUtcTime, out.signed_at.emplace()));
  return kFine;
}

template <class T>
base::Result<T> finished(Problem problem, T value) {
  if (problem != kFine) return base::error(base::Code::invalid_argument, problem);
  return value;
}

}  // namespace

base::Bytes Seal::signed_bytes() const {
  if (version != Version::v1) return base::to_bytes(info);
  return certs::der::sequence({info, maker_fields});
}

bool Seal::lists(BytesView certificate) const {
  const auto same = [](BytesView a, BytesView b) { return base::as_text(a) == base::as_text(b); };
  if (!certificates.empty())
    return std::any_of(certificates.begin(), certificates.end(),
                       [&](BytesView one) { return same(one, certificate); });
  const auto digest = base::sm3(certificate);
  return std::any_of(digests.begin(), digests.end(),
                     [&](BytesView one) { return same(one, digest); });
}

base::Result<Seal> Seal::read(BytesView der, const Limits& limits) {
  const Parser parser(limits);
  Seal out;
  Problem problem = parser.whole(der);
  if (problem == kFine) {
    out.whole = der;
    problem = parser.seal(*Walk(der).take(kSequence), out);
  }
  return finished(problem, std::move(out));
}

base::Result<Signature> Signature::read(BytesView der, const Limits& limits) {
  const Parser parser(limits);
  Signature out;
  Problem problem = parser.whole(der);
  if (problem == kFine) problem = parser.signature(*Walk(der).take(kSequence), out);
  return finished(problem, std::move(out));
}

}  // namespace verify::ses
