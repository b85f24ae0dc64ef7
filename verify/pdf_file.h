// The structure of a PDF file: cross-reference sections, trailer, objects. ISO 32000-1 §7.5.
//
// Reads what the cross-reference chain says and nothing else; objects are read when they are asked
// for. A file that readers would have to repair, and one that is encrypted, is refused.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/result.h"
#include "verify/pdf_object.h"
#include "verify/verifier.h"

namespace verify::pdf {

/// Where an object stands.
struct Place {
  enum class Kind { free, offset, in_stream } kind = Kind::free;
  std::int64_t at = 0;      ///< the file offset, or the number of the object stream
  std::int64_t second = 0;  ///< the generation, or the index in the stream
  bool operator==(const Place&) const = default;
};

/// For one thread. Views into the bytes given to open(), which must outlive it.
class File {
 public:
  /// Errors: invalid_argument `verify.pdf.not_pdf`, `verify.pdf.structure`, `verify.pdf.encrypted`,
  /// `verify.pdf.too_complex`.
  static base::Result<File> open(base::BytesView bytes, const Limits& limits);

  const Object& trailer() const { return trailer_; }
  const std::map<std::int64_t, Place>& places() const { return places_; }
  /// The object; null for one that does not exist. Nothing when it cannot be read.
  const Object* resolve(const Reference& reference);
  /// `object` itself, or what it refers to; never a reference. Nothing when it cannot be read.
  const Object* follow(const Object* object);
  /// follow() of a member; the null object when there is none. Nothing when it cannot be read.
  const Object* member(const Object& dictionary, std::string_view key);
  /// The unpacked octets of a stream that stands in the file by itself. Nothing when it is none, or
  /// cannot be read.
  std::optional<base::Bytes> stream(const Reference& reference);
  /// Are these octets whole revisions, at least one, each nothing but objects, cross-reference
  /// section and end, with white space between; and is the last object of each number the one that
  /// counts?
  bool only_structure(std::size_t begin, std::size_t end);
  bool too_complex() const { return budget_.values == 0 || budget_.octets == 0; }
  base::BytesView bytes() const { return bytes_; }

 private:
  File(base::BytesView bytes, const Limits& limits);
  struct Packed {  // an object stream, unpacked
    base::Bytes bytes;
    std::vector<std::pair<std::int64_t, std::size_t>> objects;  // number, offset
  };

  bool spend(std::size_t octets);
  bool read_sections(std::size_t start);
  bool read_table(Reader& reader, Object& trailer);
  bool read_table_entries(Reader& reader, std::int64_t first, std::int64_t count);
  bool read_cross_reference_stream(std::size_t at, Object& trailer);
  bool take_entries(const Object& dictionary, base::BytesView data);
  bool note(std::int64_t number, const Place& place);
  /// "N G obj value"; and, for a stream, its octets as they stand in the file.
  bool read_indirect(std::size_t at, const std::optional<Reference>& wanted, Object& out,
                     std::optional<base::BytesView>* stream, std::size_t* behind = nullptr);
  bool skip_table(Reader& reader);
  bool stream_bytes(Reader& reader, const Object& dictionary, base::BytesView& out);
  std::optional<base::Bytes> decode(const Object& dictionary, base::BytesView data);
  bool read_packed(const Place& place, std::int64_t number, Object& out);
  const Packed* packed(std::int64_t number);

  base::BytesView bytes_;
  Limits limits_;
  std::shared_ptr<Budget> budget_owner_;
  Budget& budget_;
  std::size_t notes_left_;  ///< entries of cross-reference sections still to be taken
  int resolving_ = 0;
  Object trailer_;
  std::map<std::int64_t, Place> places_;
  std::unordered_map<std::int64_t, std::unique_ptr<Object>>
      objects_;  // null while being read, or bad
  std::unordered_map<std::int64_t, std::unique_ptr<Packed>> packed_;
};

}  // namespace verify::pdf
