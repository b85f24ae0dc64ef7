// Revisions behind a sealed file, for tests: security stores and document time stamps, good ones
// and bad ones, written apart from the room that seals. The files are those of
// tests/verify/pdf_maker.h.
#pragma once

#include <string>
#include <vector>

#include "certs/timestamp.h"
#include "tests/verify/pdf_maker.h"

namespace test {

struct Store {
  std::vector<base::Bytes> certificates, lists;
  std::string more = {};  ///< in the store's dictionary
  /// Further objects of the revision, changed or new ones.
  std::map<int, std::string> objects = {};
  std::string in_catalog = {};
};
/// The store's dictionary is object 40, its streams follow.
std::string with_store(std::string pdf, const Store& store);

struct DocumentStamp {
  int field = 60;  ///< the value is the next number
  std::string rect = "[0 0 0 0]";
  std::string in_field;
  std::string type = "DocTimeStamp", sub_filter = "ETSI.RFC3161";
  std::string store;         ///< "/DSS 40 0 R" where the file has one
  std::string other_fields;  ///< "60 0 R " of a stamp before this one, or what an attacker adds
  std::string more_in_catalog;
  std::map<int, std::string> objects;
  bool of_other = false;  ///< the token is over something else
};
std::string with_document_stamp(std::string pdf, const certs::TimestampAuthority& authority,
                                const DocumentStamp& stamp = {});

}  // namespace test
