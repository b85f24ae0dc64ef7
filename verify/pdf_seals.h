// The signature fields of a PDF, and which bytes each of them covers. ISO 32000-1 §12.7.4.5,
// §12.8.1; ETSI EN 319 142-1 §5.
//
// The rule that shuts out signature wrapping and its kin: a ByteRange is [0 a b c], the hole
// between a and b is exactly the hexadecimal text of this signature's own Contents, written one way
// only, and c ends the file or, for all but the last signature, a revision of it.
#pragma once

#include "verify/pdf_file.h"

namespace verify::pdf {

struct Signature {
  std::string problem;         ///< message key when the dictionary or its ranges break the rules
  std::size_t hole_begin = 0;  ///< offset of the '<'
  std::size_t hole_end = 0;    ///< offset behind the '>'
  std::size_t end = 0;         ///< where the signed bytes end
  base::Bytes container;       ///< the CMS, without the padding
  std::string sub_filter;
  bool document_stamp = false;  ///< /DocTimeStamp: no seal, and the container is a token
  std::string claimed_time;     ///< /M as written, empty when there is none
};

/// Signature fields that have a value, those with a problem first, then by the end of what they
/// cover. Errors: invalid_argument `verify.pdf.structure`, `verify.pdf.too_complex`,
/// `verify.pdf.too_many_seals`.
base::Result<std::vector<Signature>> signatures_of(File& file, const Limits& limits);

/// Says so when bytes that look like a seal are in the file although no field leads to them.
bool has_loose_seal(base::BytesView file);

/// May `newer` (a longer file that begins with all of `older`) be nothing but `older` with
/// signatures added? New objects may hang only on the form, the annotations of pages and the
/// security store. Whoever signed `newer` answers for what his signature shows.
bool only_signatures_added(File& older, File& newer);

/// May `newer` be nothing but `older` with a security store, and invisible document time stamps,
/// added? Nobody answers for these, so nothing else may come with them, seen or not: each new
/// object is one of theirs, and nothing stands between objects.
/// docs/decisions/0181-what-may-follow.md
bool only_evidence_added(File& older, File& newer);

/// "D:20261124110000+08'00'". ISO 32000-1 §7.9.4.
std::optional<base::Time> to_time(std::string_view date);

/// The text of `key` in the document information dictionary, when it is short ASCII.
std::optional<std::string> information(File& file, std::string_view key);

}  // namespace verify::pdf
