#include "verify/ofd/xml.h"

#include <expat.h>
#include <strings.h>

#include <algorithm>

#include "base/text.h"

namespace verify::ofd {
namespace {

constexpr char kSeparator = '|';  // between namespace and name, as Expat hands them out
constexpr std::string_view kSpace = " \t\r\n";

struct Free {
  void operator()(XML_ParserStruct* parser) const { XML_ParserFree(parser); }
};

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// The parser's state; its functions are called by Expat and may not throw.
class Reading {
 public:
  Reading(XML_Parser parser, XmlBudget& budget, int keep)
      : parser_(parser), budget_(budget), keep_(keep) {
    XML_SetUserData(parser, this);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_SetStartDoctypeDeclHandler(parser,
                                   [](void* self, const char*, const char*, const char*, int) {
                                     static_cast<Reading*>(self)->stop("verify.ofd.xml_doctype");
                                   });
    XML_SetXmlDeclHandler(parser, [](void* self, const char*, const char* encoding, int) {
      if (encoding != nullptr && strcasecmp(encoding, "UTF-8") != 0)
        static_cast<Reading*>(self)->stop("verify.ofd.xml_encoding");
    });
  }
  const char* problem() const { return problem_; }
  Element take() { return std::move(root_); }

 private:
  static void on_start(void* self, const char* name, const char** attributes) {
    static_cast<Reading*>(self)->start(name, attributes);
  }
  static void on_end(void* self, const char*) { static_cast<Reading*>(self)->end(); }
  static void on_text(void* self, const char* text, int size) {
    static_cast<Reading*>(self)->text({text, static_cast<std::size_t>(size)});
  }
  void stop(const char* key) {
    if (problem_ == nullptr) problem_ = key;
    XML_StopParser(parser_, XML_FALSE);
  }
  void start(std::string_view name, const char** attributes);
  void end();
  void text(std::string_view more);

  XML_Parser parser_;
  XmlBudget& budget_;
  const int keep_;
  const char* problem_ = nullptr;
  int depth_ = 0;
  int skipped_from_ = 0;  ///< the depth of the element from which on nothing is kept; 0: none
  Element root_;
  std::vector<Element> open_;
};

// Once stopped, Expat may still report the end of what it was at.
void Reading::start(std::string_view name, const char** attributes) {
  if (problem_ != nullptr) return;
  ++depth_;
  int count = 0;
  while (attributes[2 * count] != nullptr) ++count;
  if (depth_ > budget_.depth || budget_.elements == 0 || count > budget_.attributes)
    return stop("verify.ofd.xml_too_complex");
  --budget_.elements;
  const auto bar = name.rfind(kSeparator);
  const bool ours = bar != std::string_view::npos && name.substr(0, bar) == kNamespace;
  if (depth_ == 1 && !ours) return stop("verify.ofd.xml_namespace");
  if (skipped_from_ != 0) return;
  if (!ours || depth_ > keep_) {
    skipped_from_ = depth_;
    return;
  }
  const auto cost = 1 + static_cast<std::size_t>(count);
  if (budget_.kept < cost) return stop("verify.ofd.xml_too_complex");
  budget_.kept -= cost;
  Element& element = open_.emplace_back();
  element.name = name.substr(bar + 1);
  for (int i = 0; i < count; ++i)
    element.attributes.push_back({attributes[2 * i], attributes[2 * i + 1]});
}

void Reading::end() {
  if (problem_ != nullptr) return;
  --depth_;
  if (skipped_from_ != 0) {
    if (depth_ < skipped_from_) skipped_from_ = 0;
    return;
  }
  Element done = std::move(open_.back());
  open_.pop_back();
  done.text = trimmed(done.text);
  if (open_.empty())
    root_ = std::move(done);
  else
    open_.back().children.push_back(std::move(done));
}

void Reading::text(std::string_view more) {
  if (problem_ == nullptr && skipped_from_ == 0 && !open_.empty()) open_.back().text += more;
}

}  // namespace

const Element* Element::child(std::string_view wanted) const {
  const auto at = std::find_if(children.begin(), children.end(),
                               [&](const Element& one) { return one.name == wanted; });
  return at == children.end() ? nullptr : &*at;
}

std::string_view Element::child_text(std::string_view wanted) const {
  const auto* found = child(wanted);
  return found == nullptr ? std::string_view() : std::string_view(found->text);
}

std::string_view Element::attribute(std::string_view wanted) const {
  const auto at = std::find_if(attributes.begin(), attributes.end(),
                               [&](const Attribute& one) { return one.name == wanted; });
  return at == attributes.end() ? std::string_view() : std::string_view(at->value);
}

base::Result<Element> parse_xml(base::BytesView text, XmlBudget& budget, int keep) {
  // Expat would go by a byte-order mark, or a nought where UTF-16 has one, whatever it is told.
  const auto characters = base::as_text(text);
  if (!base::is_utf8(characters) || characters.find('\0') != characters.npos)
    return base::error(base::Code::invalid_argument, "verify.ofd.xml_encoding");
  const std::unique_ptr<XML_ParserStruct, Free> parser(XML_ParserCreateNS("UTF-8", kSeparator));
  base::check(parser != nullptr, "no memory for an XML parser");
  Reading reading(parser.get(), budget, keep);
  const auto status = XML_Parse(parser.get(), reinterpret_cast<const char*>(text.data()),
                                static_cast<int>(text.size()), XML_TRUE);
  if (reading.problem() != nullptr)
    return base::error(base::Code::invalid_argument, reading.problem());
  if (status != XML_STATUS_OK)
    return base::error(base::Code::invalid_argument, "verify.ofd.xml_malformed",
                       XML_ErrorString(XML_GetErrorCode(parser.get())));
  return reading.take();
}

}  // namespace verify::ofd
