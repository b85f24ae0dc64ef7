// Writes the seeds of the fuzz targets of OFD and their trust list: make_ofd_corpus tests/fuzz
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/encoding.h"
#include "tests/seal/ses_house.h"
#include "tests/verify/zip_maker.h"

namespace {

using Files = std::map<std::string, std::string>;

const std::string kHead = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ofd:";
const std::string kSpace = " xmlns:ofd=\"http://www.ofdspec.org/2016\">";

std::string xml(const std::string& root, const std::string& inner) {
  return kHead + root + kSpace + inner + "</ofd:" + root + ">";
}

Files unsealed() {
  return {
      {"OFD.xml", xml("OFD",
                      "<ofd:DocBody><ofd:DocInfo><ofd:CustomDatas><ofd:CustomData "
                      "Name=\"XinyinCode\">1B20-8H44-RM2M-B1E6-0S57</ofd:CustomData>"
                      "</ofd:CustomDatas></ofd:DocInfo><ofd:DocRoot>D/D.xml</ofd:DocRoot>"
                      "<ofd:Signatures>D/S/Signatures.xml</ofd:Signatures></ofd:DocBody>")},
      {"D/D.xml",
       xml("Document",
           "<ofd:CommonData><ofd:DocumentRes>R.xml</ofd:DocumentRes></ofd:CommonData><ofd:Pages>"
           "<ofd:Page ID=\"1\" BaseLoc=\"P.xml\"/></ofd:Pages><ofd:Attachments>A.xml"
           "</ofd:Attachments>")},
      {"D/R.xml", xml("Res",
                      "<ofd:MultiMedias><ofd:MultiMedia ID=\"2\" Type=\"Image\">"
                      "<ofd:MediaFile>p.png</ofd:MediaFile></ofd:MultiMedia>"
                      "</ofd:MultiMedias>")},
      {"D/P.xml", xml("Page", "<ofd:Content/>")},
      {"D/A.xml", xml("Attachments",
                      "<ofd:Attachment ID=\"3\"><ofd:FileLoc>facts.json"
                      "</ofd:FileLoc></ofd:Attachment>")},
      {"D/facts.json", "{}"},
      {"D/p.png", "png"},
      {"D/S/Signatures.xml", xml("Signatures",
                                 "<ofd:MaxSignId>1</ofd:MaxSignId><ofd:Signature "
                                 "ID=\"1\" BaseLoc=\"0/Signature.xml\"/>")},
  };
}

Files sealed(test::SesHouse& house) {
  auto files = unsealed();
  const auto seal =
      seal::make_seal(house.draft(verify::ses::Version::v4), *house.maker_key, *house.maker);
  base::check(seal.ok(), "a seal");
  files["D/S/0/Seal.esl"] = base::as_text(*seal);
  std::string references;
  for (const auto& [name, content] : files)
    references += "<ofd:Reference FileRef=\"/" + name + "\"><ofd:CheckValue>" +
                  base::to_base64(base::sm3(base::as_bytes(content))) +
                  "</ofd:CheckValue></ofd:Reference>";
  const auto signature =
      xml("Signature",
          "<ofd:SignedInfo><ofd:SignatureMethod>1.2.156.10197.1.501</ofd:SignatureMethod>"
          "<ofd:References CheckMethod=\"1.2.156.10197.1.401\">" +
              references +
              "</ofd:References><ofd:StampAnnot ID=\"1\" PageRef=\"1\" Boundary=\"1 1 42 42\"/>"
              "<ofd:Seal><ofd:BaseLoc>Seal.esl</ofd:BaseLoc></ofd:Seal></ofd:SignedInfo>"
              "<ofd:SignedValue>SignedValue.dat</ofd:SignedValue>");
  const auto frame = seal::SesFrame::create(house.sealer_key->info(), *house.sealer, *seal,
                                            "/D/S/0/Signature.xml");
  base::check(frame.ok(), "a frame");
  const auto value =
      seal::sign_with(*frame, *house.sealer_key, base::sm3(base::as_bytes(signature)), house.now());
  base::check(value.ok(), "a signature");
  files["D/S/0/Signature.xml"] = signature;
  files["D/S/0/SignedValue.dat"] = base::as_text(*value);
  return files;
}

void write(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_ofd_corpus tests/fuzz\n");
    return 2;
  }
  const std::filesystem::path to = argv[1], corpus = to / "corpus";
  test::SesHouse house;
  const auto jws = house.pki.root().sign_trust_list(house.trust());
  base::check(jws.ok(), "a trust list");
  write(to / "ofd_judge.jws", *jws);
  const auto files = sealed(house);
  write(corpus / "ofd_judge/genuine", test::zip_of(files));
  write(corpus / "ofd_judge/unsealed", test::zip_of(unsealed()));
  for (const auto* name : {"OFD.xml", "D/P.xml", "D/S/Signatures.xml", "D/S/0/Signature.xml"}) {
    auto file = std::string(name) + "-file";
    for (char& c : file)
      if (c == '/') c = '-';
    write(corpus / "ofd_judge" / file, std::string(name) + "\n" + files.at(name));
    write(corpus / "ofd_xml" / file, files.at(name));
  }
  write(corpus / "ofd_judge/added", "D/more.bin\nx");
  write(corpus / "ofd_zip/deflated", test::zip_of(unsealed()));
  write(corpus / "ofd_zip/stored",
        test::zip({{.name = "a", .content = "aa", .deflate = false},
                   {.name = "b/", .content = "", .deflate = false},
                   {.name = "b/c", .content = "c", .descriptor = true}}));
  return 0;
}
