#include "verify/cms.h"

#include <algorithm>

#include "certs/der.h"
#include "certs/signature.h"

namespace verify {
namespace {

using base::BytesView;

constexpr std::uint8_t kInteger = 0x02, kOctets = 0x04, kOid = 0x06, kSequence = 0x30, kSet = 0x31,
                       kTagged0 = 0xA0, kTagged1 = 0xA1;

// Object identifiers as their content octets stand in DER.
constexpr std::string_view kSignedDataOid = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
constexpr std::string_view kDataOid = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
constexpr std::string_view kTstInfoOid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04";
constexpr std::string_view kContentTypeOid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
constexpr std::string_view kMessageDigestOid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
constexpr std::string_view kSigningCertificateV2Oid =
    "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f";
constexpr std::string_view kTimeStampTokenOid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x0e";
constexpr std::string_view kSha256Oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x01";
constexpr std::string_view kEcdsaSha256Oid = "\x2a\x86\x48\xce\x3d\x04\x03\x02";
constexpr std::string_view kRsaSha256Oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";
constexpr std::string_view kRsaOid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";

/// Walks values of bytes that certs::der::is_strict has let pass.
class Walk {
 public:
  explicit Walk(BytesView bytes) : left_(bytes) {}
  bool empty() const { return left_.empty(); }
  int tag() const { return left_.empty() ? -1 : left_[0]; }
  /// The content of the next value when it has this tag; `whole` gets it with its header.
  std::optional<BytesView> take(std::uint8_t tag, BytesView* whole = nullptr) {
    if (left_.size() < 2 || left_[0] != tag) return {};
    std::size_t header = 2, size = left_[1];
    if (size >= 0x80) {
      const std::size_t count = size & 0x7F;
      if (count > 4 || left_.size() < 2 + count) return {};
      size = 0;
      for (std::size_t i = 0; i < count; ++i) size = size << 8 | left_[2 + i];
      header += count;
    }
    if (size > left_.size() - header) return {};
    const BytesView content = left_.subspan(header, size);
    if (whole != nullptr) *whole = left_.first(header + size);
    left_ = left_.subspan(header + size);
    return content;
  }
  bool take_oid(std::string_view oid) {
    const auto content = take(kOid);
    return content && base::as_text(*content) == oid;
  }

 private:
  BytesView left_;
};

bool equal(BytesView a, BytesView b) {
  return base::as_text(a) == base::as_text(b);
}

/// AlgorithmIdentifier: the identifier; parameters absent, or NULL where they may be (RFC 5754 §2),
/// not so with ECDSA (RFC 5758 §3.2).
std::optional<std::string_view> algorithm(Walk& from) {
  const auto content = from.take(kSequence);
  if (!content) return {};
  Walk inside(*content);
  const auto oid = inside.take(kOid);
  if (!oid) return {};
  const bool may_be_null = base::as_text(*oid) != kEcdsaSha256Oid;
  if (!inside.empty() && (!may_be_null || !inside.take(0x05) || !inside.empty())) return {};
  return base::as_text(*oid);
}

bool is_version(Walk& from, std::uint8_t wanted) {
  const auto version = from.take(kInteger);
  return version && version->size() == 1 && (*version)[0] == wanted;
}

/// A certificate's issuer and serial number as they stand in it. RFC 5280 §4.1.
bool has_issuer_and_serial(BytesView certificate, BytesView issuer, BytesView serial) {
  Walk outer(certificate);
  const auto content = outer.take(kSequence);
  if (!content) return false;
  const auto tbs = Walk(*content).take(kSequence);
  if (!tbs) return false;
  Walk fields(*tbs);
  if (fields.tag() == kTagged0 && !fields.take(kTagged0)) return false;
  const auto number = fields.take(kInteger);
  BytesView name;
  return number && fields.take(kSequence) && fields.take(kSequence, &name) &&
         equal(*number, serial) && equal(name, issuer);
}

/// r‖s from the DER form.
std::optional<base::Bytes> bare_ecdsa(BytesView signature) {
  if (!certs::der::is_strict(signature)) return {};
  Walk outer(signature);
  const auto content = outer.take(kSequence);
  if (!content) return {};
  Walk pair(*content);
  base::Bytes out;
  for (int i = 0; i < 2; ++i) {
    auto number = pair.take(kInteger);
    if (!number || ((*number)[0] & 0x80) != 0) return {};
    if ((*number)[0] == 0) number = number->subspan(1);
    if (number->size() > 32) return {};
    out.insert(out.end(), 32 - number->size(), 0);
    base::append(out, *number);
  }
  if (!pair.empty()) return {};
  return out;
}

base::Error wrong(const char* key) {
  return base::error(base::Code::invalid_argument, key);
}

/// What is on the way from the container to SignedData.
class Parser {
 public:
  explicit Parser(SignedData& out) : out_(out) {}
  const char* signed_data(BytesView container);

 private:
  const char* content(Walk& from);
  const char* certificates(BytesView set);
  const char* signer(BytesView set);
  const char* signed_attributes(BytesView set);
  const char* unsigned_attributes(BytesView set);
  bool signing_certificate(BytesView value) const;

  SignedData& out_;
  std::vector<BytesView> certificate_bytes_;
  BytesView issuer_, serial_;
};

const char* Parser::signed_data(BytesView container) {
  if (!certs::der::is_strict(container)) return "verify.seal.malformed";
  Walk outer(container);
  const auto info = outer.take(kSequence);
  if (!info || !outer.empty()) return "verify.seal.malformed";
  Walk content_info(*info);
  if (!content_info.take_oid(kSignedDataOid)) return "verify.seal.malformed";
  const auto tagged = content_info.take(kTagged0);
  if (!tagged || !content_info.empty()) return "verify.seal.malformed";
  Walk explicit_content(*tagged);
  const auto body = explicit_content.take(kSequence);
  if (!body || !explicit_content.empty()) return "verify.seal.malformed";
  Walk fields(*body);
  const auto version = fields.take(kInteger);
  const auto digests = fields.take(kSet);
  if (!version || version->size() != 1 || !digests) return "verify.seal.malformed";
  Walk digest_set(*digests);
  const auto digest = algorithm(digest_set);
  if (digest != kSha256Oid || !digest_set.empty()) return "verify.seal.algorithm";
  if (const char* problem = content(fields)) return problem;
  // RFC 5652 §5.1: 3 when the content is not plain data, 1 otherwise.
  if ((*version)[0] != (out_.content_type == "data" ? 1 : 3)) return "verify.seal.malformed";
  if (fields.tag() == kTagged0)
    if (const char* problem = certificates(*fields.take(kTagged0))) return problem;
  const auto signers = fields.take(kSet);  // [1], revocation lists, would stand before it
  if (!signers || !fields.empty()) return "verify.seal.malformed";
  return signer(*signers);
}

const char* Parser::content(Walk& from) {
  const auto encapsulated = from.take(kSequence);
  if (!encapsulated) return "verify.seal.malformed";
  Walk fields(*encapsulated);
  const auto type = fields.take(kOid);
  if (!type) return "verify.seal.malformed";
  if (base::as_text(*type) == kDataOid)
    out_.content_type = "data";
  else if (base::as_text(*type) == kTstInfoOid)
    out_.content_type = "tst_info";
  else
    return "verify.seal.malformed";
  out_.detached = fields.empty();
  if (!out_.detached && (!fields.take(kTagged0) || !fields.empty())) return "verify.seal.malformed";
  return nullptr;
}

const char* Parser::certificates(BytesView set) {
  constexpr std::size_t kMost = 16;
  for (Walk walk(set); !walk.empty();) {
    BytesView whole;
    if (!walk.take(kSequence, &whole) || certificate_bytes_.size() == kMost)
      return "verify.seal.malformed";
    auto certificate = certs::Certificate::from_der(whole);
    if (!certificate) return "verify.seal.malformed";
    certificate_bytes_.push_back(whole);
    out_.certificates.push_back(std::move(*certificate));
  }
  return nullptr;
}

const char* Parser::signer(BytesView set) {
  Walk infos(set);
  const auto info = infos.take(kSequence);
  if (!info || !infos.empty()) return "verify.seal.malformed";  // exactly one signer
  Walk fields(*info);
  if (!is_version(fields, 1)) return "verify.seal.malformed";
  const auto id = fields.take(kSequence);
  if (!id) return "verify.seal.malformed";
  Walk names(*id);
  const auto name = names.take(kSequence, &issuer_);
  const auto serial = names.take(kInteger);
  if (!name || !serial || !names.empty()) return "verify.seal.malformed";
  serial_ = *serial;
  for (std::size_t i = 0; i < certificate_bytes_.size(); ++i)
    if (has_issuer_and_serial(certificate_bytes_[i], issuer_, serial_)) {
      if (out_.signer) return "verify.seal.malformed";  // two of one issuer with one number
      out_.signer = out_.certificates[i];
    }
  if (!out_.signer) return "verify.seal.no_certificate";
  if (algorithm(fields) != kSha256Oid) return "verify.seal.algorithm";
  BytesView attributes;
  const auto content = fields.take(kTagged0, &attributes);
  if (!content) return "verify.seal.attributes";
  if (const char* problem = signed_attributes(*content)) return problem;
  base::Bytes as_set = base::to_bytes(attributes);
  as_set[0] = kSet;  // RFC 5652 §5.4
  out_.attributes_digest = base::sha256(as_set);
  const auto method = algorithm(fields);
  const auto signature = fields.take(kOctets);
  if (!method || !signature) return "verify.seal.malformed";
  out_.signature = *signature;
  if (*method == kEcdsaSha256Oid) {
    auto bare = bare_ecdsa(*signature);
    if (!bare) return "verify.seal.malformed";
    out_.bare_signature = std::move(*bare);
  } else if (*method == kRsaSha256Oid || *method == kRsaOid) {
    out_.bare_signature = base::to_bytes(*signature);
  } else {
    return "verify.seal.algorithm";
  }
  if (fields.tag() == kTagged1)
    if (const char* problem = unsigned_attributes(*fields.take(kTagged1))) return problem;
  return fields.empty() ? nullptr : "verify.seal.malformed";
}

const char* Parser::signed_attributes(BytesView set) {
  constexpr const char* kWrong = "verify.seal.attributes";
  std::vector<std::string_view> types;
  BytesView before;
  bool digest = false, certificate = false, type_fits = false;
  for (Walk walk(set); !walk.empty();) {
    BytesView whole;
    const auto attribute = walk.take(kSequence, &whole);
    if (!attribute) return kWrong;
    // The elements of a SET OF stand in the order of their octets. X.690 §11.6.
    if (!std::lexicographical_compare(before.begin(), before.end(), whole.begin(), whole.end()))
      return kWrong;
    before = whole;
    Walk fields(*attribute);
    const auto type = fields.take(kOid);
    const auto values = fields.take(kSet);
    if (!type || !values || !fields.empty()) return kWrong;
    const std::string_view name = base::as_text(*type);
    if (std::find(types.begin(), types.end(), name) != types.end()) return kWrong;
    types.push_back(name);
    Walk value(*values);
    if (name == kContentTypeOid) {
      const std::string_view wanted = out_.content_type == "data" ? kDataOid : kTstInfoOid;
      type_fits = value.take_oid(wanted) && value.empty();
    } else if (name == kMessageDigestOid) {
      const auto octets = value.take(kOctets);
      digest = octets && octets->size() == out_.message_digest.size() && value.empty();
      if (digest) std::copy(octets->begin(), octets->end(), out_.message_digest.begin());
    } else if (name == kSigningCertificateV2Oid) {
      const auto signing = value.take(kSequence);
      certificate = signing && value.empty() && signing_certificate(*signing);
    }
  }
  return type_fits && digest && certificate ? nullptr : kWrong;
}

/// SigningCertificateV2: the first ESSCertIDv2 is the signer's. RFC 5035 §4.
bool Parser::signing_certificate(BytesView value) const {
  Walk outer(value);
  const auto ids = outer.take(kSequence);
  if (!ids) return false;
  const auto first = Walk(*ids).take(kSequence);
  if (!first) return false;
  Walk fields(*first);
  if (fields.tag() == kSequence && algorithm(fields) != kSha256Oid) return false;
  const auto hash = fields.take(kOctets);
  if (!hash || !equal(*hash, out_.signer->sha256())) return false;
  if (fields.empty()) return true;
  const auto issuer_serial = fields.take(kSequence);
  if (!issuer_serial || !fields.empty()) return false;
  Walk pair(*issuer_serial);
  const auto names = pair.take(kSequence);
  const auto serial = pair.take(kInteger);
  if (!names || !serial || !pair.empty()) return false;
  Walk general(*names);
  const auto directory_name = general.take(0xA4);
  return directory_name && general.empty() && equal(*directory_name, issuer_) &&
         equal(*serial, serial_);
}

const char* Parser::unsigned_attributes(BytesView set) {
  for (Walk walk(set); !walk.empty();) {
    const auto attribute = walk.take(kSequence);
    if (!attribute) return "verify.seal.malformed";
    Walk fields(*attribute);
    if (!fields.take_oid(kTimeStampTokenOid) || out_.time_stamp)
      return "verify.seal.unknown_attribute";
    const auto values = fields.take(kSet);
    if (!values || !fields.empty()) return "verify.seal.malformed";
    Walk value(*values);
    BytesView token;
    if (!value.take(kSequence, &token) || !value.empty()) return "verify.seal.malformed";
    out_.time_stamp = token;
  }
  return out_.time_stamp ? nullptr : "verify.seal.malformed";  // an empty set is not left out
}

}  // namespace

base::Result<SignedData> SignedData::read(base::BytesView container) {
  SignedData out;
  if (const char* problem = Parser(out).signed_data(container)) return wrong(problem);
  return out;
}

bool SignedData::signature_holds() const {
  return certs::verify_signature(signer->public_key(), attributes_digest, bare_signature);
}

std::optional<std::vector<certs::Certificate>> certificates_of_token(base::BytesView token) {
  auto read = SignedData::read(token);
  if (!read || read->content_type != "tst_info" || read->detached || read->time_stamp) return {};
  return std::move(read->certificates);
}

}  // namespace verify
