#include "verify/ofd/package.h"

#include <algorithm>
#include <deque>
#include <set>

namespace verify::ofd {
namespace {

constexpr std::string_view kRoot = "OFD.xml";
constexpr int kPageLevels = 2;  // of a page only resources and areas matter, not what is drawn

base::Error refuse(const char* key, std::string detail = {}) {
  return base::error(base::Code::invalid_argument, key, std::move(detail));
}

/// The folder of a path, with its slash.
std::string_view folder(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash + 1);
}

bool parsed(Part part) {
  switch (part) {
    case Part::media:
    case Part::attachment:
    case Part::custom_tag:
    case Part::extension:
    case Part::signed_value:
    case Part::seal:
    case Part::page_annotations:  // names resources by number only
      return false;
    default:
      return true;
  }
}

/// Without these there is nothing to show, or to judge.
bool needed(Part part) {
  return part == Part::root || part == Part::document || part == Part::page ||
         part == Part::template_page || part == Part::signatures || part == Part::signature;
}

}  // namespace

std::optional<std::string> resolve(std::string_view from, std::string_view location) {
  if (location.empty()) return std::nullopt;
  for (const char c : location)
    if (static_cast<unsigned char>(c) < 0x20 || c == '\\' || c == ':' || c == '?' || c == '#')
      return std::nullopt;
  std::string all;
  if (location.front() == '/')
    location.remove_prefix(1);
  else
    all = folder(from);
  all += location;
  std::vector<std::string_view> kept;
  for (std::string_view rest = all;;) {
    const auto slash = rest.find('/');
    const auto segment = rest.substr(0, slash);
    if (segment == "..") {
      if (kept.empty()) return std::nullopt;
      kept.pop_back();
    } else if (segment.empty()) {
      return std::nullopt;
    } else if (segment != ".") {
      kept.push_back(segment);
    }
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  std::string out;
  for (const auto segment : kept) {
    if (!out.empty()) out += '/';
    out += segment;
  }
  if (out.empty()) return std::nullopt;
  return out;
}

class Package::Walk {
 public:
  Walk(Package& out, const Limits& limits) : out_(out), limits_(limits) {
    budget_.depth = limits.depth;
  }
  base::Result<void> run();

 private:
  struct Step {
    std::string path;
    Part part;
  };
  /// Notes that `from` names a file. One that is not there is refused when it must be read.
  base::Result<void> reach(std::string_view from, std::string_view location, Part part);
  base::Result<void> visit(const std::string& path, Part part, const Element& root);
  base::Result<void> root(const std::string& path, const Element& root);
  base::Result<void> document(const std::string& path, const Element& root);
  base::Result<void> resource(const std::string& path, const Element& root);
  base::Result<void> version(const std::string& path, const Element& root);
  base::Result<void> signatures(const std::string& path, const Element& root);
  base::Result<void> signature(const std::string& path, const Element& root);
  /// Of all children named so: the attribute, or with none the text.
  base::Result<void> reach_all(const std::string& from, const Element& parent,
                               std::string_view child, std::string_view attribute, Part part);

  Package& out_;
  const Limits& limits_;
  XmlBudget budget_;
  std::deque<Step> queue_;
  std::set<std::string, std::less<>> lists_, page_ids_;
};

base::Result<void> Package::Walk::run() {
  if (out_.zip_.find("Encryptions.xml") != nullptr) return refuse("verify.ofd.encrypted");
  if (out_.zip_.find(kRoot) == nullptr) return refuse("verify.ofd.no_root");
  BASE_TRY_VOID(reach("", kRoot, Part::root));
  while (!queue_.empty()) {
    const Step step = std::move(queue_.front());
    queue_.pop_front();
    const auto* bytes = out_.zip_.find(step.path);
    if (bytes == nullptr && !needed(step.part)) continue;
    if (bytes == nullptr) return refuse("verify.ofd.missing", step.path);
    const bool page = step.part == Part::page || step.part == Part::template_page;
    BASE_TRY(auto tree, parse_xml(*bytes, budget_, page ? kPageLevels : 64));
    BASE_TRY_VOID(visit(step.path, step.part, tree));
    if (step.part != Part::signature) continue;
    for (auto& entry : out_.signatures_)
      if (entry.path == step.path) entry.content = tree;
  }
  return {};
}

base::Result<void> Package::Walk::reach(std::string_view from, std::string_view location,
                                        Part part) {
  auto path = out_.locate(from, location);
  if (!path) return refuse("verify.ofd.path", std::string(location.substr(0, 200)));
  const auto [at, fresh] = out_.reached_.emplace(*path, part);
  if (!fresh) {
    // One file in two roles that matter would be read in two ways.
    if (at->second != part && (parsed(part) || parsed(at->second)))
      return refuse("verify.ofd.structure", *path);
    return {};
  }
  if (parsed(part)) queue_.push_back({std::move(*path), part});
  return {};
}

base::Result<void> Package::Walk::reach_all(const std::string& from, const Element& parent,
                                            std::string_view child, std::string_view attribute,
                                            Part part) {
  for (const Element& one : parent.children) {
    if (one.name != child) continue;
    const auto location = attribute.empty() ? std::string_view(one.text) : one.attribute(attribute);
    BASE_TRY_VOID(reach(from, location, part));
  }
  return {};
}

base::Result<void> Package::Walk::visit(const std::string& path, Part part, const Element& root_) {
  constexpr auto kText = std::string_view();
  const auto is = [&](std::string_view name) { return root_.name == name; };
  const auto wrong = [&] { return refuse("verify.ofd.structure", path); };
  switch (part) {
    case Part::root:
      return is("OFD") ? root(path, root_) : wrong();
    case Part::document:
      return is("Document") ? document(path, root_) : wrong();
    case Part::page:
    case Part::template_page:
      return is("Page") ? reach_all(path, root_, "PageRes", kText, Part::resource) : wrong();
    case Part::resource:
      return is("Res") ? resource(path, root_) : wrong();
    case Part::annotations:
      if (!is("Annotations")) return wrong();
      for (const Element& page : root_.children)
        BASE_TRY_VOID(reach_all(path, page, "FileLoc", kText, Part::page_annotations));
      return {};
    case Part::attachments:
      if (!is("Attachments")) return wrong();
      for (const Element& one : root_.children)
        BASE_TRY_VOID(reach_all(path, one, "FileLoc", kText, Part::attachment));
      return {};
    case Part::custom_tags:
      if (!is("CustomTags")) return wrong();
      for (const Element& one : root_.children) {
        BASE_TRY_VOID(reach_all(path, one, "FileLoc", kText, Part::custom_tag));
        // A schema may stand elsewhere, and nobody fetches it.
        const auto schema = out_.locate(path, one.child_text("SchemaLoc"));
        if (schema && out_.zip_.find(*schema) != nullptr)
          BASE_TRY_VOID(reach("", "/" + *schema, Part::custom_tag));
      }
      return {};
    case Part::extensions:
      if (!is("Extensions")) return wrong();
      for (const Element& one : root_.children)
        BASE_TRY_VOID(reach_all(path, one, "ExtendData", kText, Part::extension));
      return {};
    case Part::version:
      return is("DocVersion") ? version(path, root_) : wrong();
    case Part::signatures:
      return is("Signatures") ? signatures(path, root_) : wrong();
    case Part::signature:
      return is("Signature") ? signature(path, root_) : wrong();
    default:
      return wrong();
  }
}

base::Result<void> Package::Walk::root(const std::string& path, const Element& root) {
  bool first = true;
  for (const Element& body : root.children) {
    if (body.name != "DocBody") continue;
    if (const auto* info = body.child("DocInfo")) {
      BASE_TRY_VOID(reach_all(path, *info, "Cover", "", Part::media));
      if (const auto* data = info->child("CustomDatas"); data != nullptr && first)
        for (const Element& one : data->children)
          if (one.name == "CustomData")
            out_.custom_data_.push_back({std::string(one.attribute("Name")), one.text});
    }
    first = false;
    BASE_TRY_VOID(reach_all(path, body, "DocRoot", "", Part::document));
    BASE_TRY_VOID(reach_all(path, body, "Signatures", "", Part::signatures));
    if (const auto* versions = body.child("Versions"))
      BASE_TRY_VOID(reach_all(path, *versions, "Version", "BaseLoc", Part::version));
  }
  if (first) return refuse("verify.ofd.structure", "no document");
  return {};
}

base::Result<void> Package::Walk::document(const std::string& path, const Element& root) {
  for (const Element& common : root.children) {
    if (common.name != "CommonData") continue;
    BASE_TRY_VOID(reach_all(path, common, "PublicRes", "", Part::resource));
    BASE_TRY_VOID(reach_all(path, common, "DocumentRes", "", Part::resource));
    BASE_TRY_VOID(reach_all(path, common, "TemplatePage", "BaseLoc", Part::template_page));
  }
  for (const Element& pages : root.children) {
    if (pages.name != "Pages") continue;
    BASE_TRY_VOID(reach_all(path, pages, "Page", "BaseLoc", Part::page));
    for (const Element& page : pages.children) {
      if (page.name != "Page") continue;
      std::string id(page.attribute("ID"));
      // A stamp stands on the page of a number: there is one of it, in a package of one document.
      if (id.empty() || !page_ids_.insert(path + '|' + id).second)
        return refuse("verify.ofd.structure", "a page's number");
      out_.pages_.push_back(std::move(id));
    }
  }
  BASE_TRY_VOID(reach_all(path, root, "Annotations", "", Part::annotations));
  BASE_TRY_VOID(reach_all(path, root, "CustomTags", "", Part::custom_tags));
  BASE_TRY_VOID(reach_all(path, root, "Attachments", "", Part::attachments));
  return reach_all(path, root, "Extensions", "", Part::extensions);
}

base::Result<void> Package::Walk::resource(const std::string& path, const Element& root) {
  // Files are found from the folder that BaseLoc names, itself relative to this file.
  std::string from = path;
  if (const auto base = root.attribute("BaseLoc"); !base.empty() && base != "/") {
    const auto at = resolve(path, base.ends_with('/') ? base.substr(0, base.size() - 1) : base);
    // "." alone is the folder itself.
    if (!at && base != "." && base != "./") return refuse("verify.ofd.path", std::string(base));
    if (at) from = *at + "/-";
  } else if (base == "/") {
    from = "-";
  }
  for (const Element& group : root.children) {
    for (const Element& one : group.children) {
      BASE_TRY_VOID(reach_all(from, one, "MediaFile", "", Part::media));
      BASE_TRY_VOID(reach_all(from, one, "FontFile", "", Part::media));
      if (const auto profile = one.attribute("Profile"); !profile.empty())
        BASE_TRY_VOID(reach(from, profile, Part::media));
    }
  }
  return {};
}

base::Result<void> Package::Walk::version(const std::string& path, const Element& root) {
  BASE_TRY_VOID(reach_all(path, root, "DocRoot", "", Part::document));
  // The list says which of the reached files belong to the version; what they are they are already.
  return {};
}

base::Result<void> Package::Walk::signatures(const std::string& path, const Element& root) {
  for (const Element& one : root.children) {
    if (one.name != "Signature") continue;
    if (static_cast<int>(out_.signatures_.size()) >= limits_.signatures)
      return refuse("verify.ofd.too_many_seals");
    const auto location = one.attribute("BaseLoc");
    auto at = out_.locate(path, location);
    if (!at) return refuse("verify.ofd.path");
    if (out_.reached_.contains(*at))
      return refuse("verify.ofd.structure", "a signature named twice");
    BASE_TRY_VOID(reach(path, location, Part::signature));
    std::string type(one.attribute("Type"));
    out_.signatures_.push_back({path,
                                std::string(one.attribute("ID")),
                                type.empty() ? "Seal" : std::move(type),
                                std::move(*at),
                                {}});
  }
  return {};
}

base::Result<void> Package::Walk::signature(const std::string& path, const Element& root) {
  BASE_TRY_VOID(reach_all(path, root, "SignedValue", "", Part::signed_value));
  if (const auto* info = root.child("SignedInfo"))
    if (const auto* seal = info->child("Seal"))
      BASE_TRY_VOID(reach_all(path, *seal, "BaseLoc", "", Part::seal));
  return {};
}

base::Result<Package> Package::open(base::BytesView file, const Limits& limits) {
  Package out;
  ZipLimits zip;
  zip.unpacked = 2 * limits.file_bytes;
  BASE_TRY(out.zip_, Zip::read(file, zip));
  BASE_TRY_VOID(Walk(out, limits).run());
  return out;
}

std::optional<std::string> Package::locate(std::string_view from, std::string_view location) const {
  auto path = resolve(from, location);
  if (!path) return path;
  const auto* name = zip_.spelled(*path);
  return name == nullptr ? path : std::optional(*name);
}

std::optional<std::string> Package::custom_data(std::string_view name) const {
  std::optional<std::string> out;
  for (const auto& [key, value] : custom_data_) {
    if (key != name) continue;
    if (out) return std::nullopt;  // twice: two readers could take either
    out = value;
  }
  return out;
}

}  // namespace verify::ofd
