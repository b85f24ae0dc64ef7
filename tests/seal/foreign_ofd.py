# Reads a sealed OFD file with Python's zipfile and ElementTree, OpenSSL's SM3 and fontTools, knowing nothing
# of Xinyin's code, and prints what it found as JSON.
#   foreign_ofd.py FILE DIR     puts SignedValue.dat and the seal's picture into DIR
import base64
import hashlib
import io
import json
import posixpath
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from asn1crypto import core
from fontTools.ttLib import TTFont

OFD = "{http://www.ofdspec.org/2016}"


def sm3(octets):
    return hashlib.new("sm3", octets).digest()


class Package:
    def __init__(self, octets):
        self.zip = zipfile.ZipFile(io.BytesIO(octets))
        assert self.zip.testzip() is None
        self.names = self.zip.namelist()
        assert len(set(self.names)) == len(self.names)

    def bytes(self, path):
        return self.zip.read(path)

    def xml(self, path):
        return ElementTree.fromstring(self.bytes(path))

    @staticmethod
    def path(origin, location):
        if location.startswith("/"):
            return location[1:]
        return posixpath.normpath(posixpath.join(posixpath.dirname(origin), location))


def number_list(text):
    """ "g 3 1.5 2" -> [1.5, 1.5, 1.5, 2] """
    words, out = text.split(), []
    while words:
        word = words.pop(0)
        if word == "g":
            count, value = int(words.pop(0)), float(words.pop(0))
            out += [value] * count
        else:
            out.append(float(word))
    return out


def fonts_of(package, document):
    out = {}
    for kind in ("PublicRes", "DocumentRes"):
        for one in document.iter(OFD + kind):
            path = package.path("Doc_0/Document.xml", one.text)
            res = package.xml(path)
            for font in res.iter(OFD + "Font"):
                place = posixpath.join(posixpath.dirname(path), res.get("BaseLoc"), font.find(OFD + "FontFile").text)
                out[font.get("ID")] = TTFont(io.BytesIO(package.bytes(place)))
    return out


def read_page(package, path, fonts, ids):
    """The lines of text of a page, each glyph of which its font has, as wide as the page sets it."""
    root = package.xml(path)
    page_box = [float(word) for word in root.find(f"{OFD}Area/{OFD}PhysicalBox").text.split()]
    lines = []
    for layer in root.iter(OFD + "Layer"):
        for one in [layer, *layer]:
            assert one.get("ID") not in ids, "an ID is used twice"
            ids.add(one.get("ID"))
        for one in layer:
            x, y, width, height = (float(word) for word in one.get("Boundary").split())
            assert width >= 0 and height >= 0
            if one.get("CTM") is None:
                assert -1 < x and x + width < page_box[2] + 1 and -1 < y and y + height < page_box[3] + 1, "off the page"
            if one.tag != OFD + "TextObject":
                continue
            code = one.find(OFD + "TextCode")
            font, size, text = fonts[one.get("Font")], float(one.get("Size")), code.text
            steps = number_list(code.get("DeltaX", ""))
            assert len(steps) == len(text) - 1, text
            cmap, metrics = font.getBestCmap(), font["hmtx"]
            tracking = None
            for character, step in zip(text, steps):
                natural = metrics[cmap[ord(character)]][0] * size / font["head"].unitsPerEm
                tracking = step - natural if tracking is None else tracking
                assert abs(step - natural - tracking) < 0.0021, (text, character, step, natural)
            assert ord(text[-1]) in cmap
            lines.append(text)
    return lines


def main(file, directory):
    octets = Path(file).read_bytes()
    package = Package(octets)
    assert octets[:4] == b"PK\x03\x04" and package.names[0] == "OFD.xml"
    assert all(info.date_time == (1980, 1, 1, 0, 0, 0) for info in package.zip.infolist())
    root = package.xml("OFD.xml")
    info = root.find(f"{OFD}DocBody/{OFD}DocInfo")
    document = package.xml(root.find(f"{OFD}DocBody/{OFD}DocRoot").text)
    pages = {one.get("ID"): package.path("Doc_0/Document.xml", one.get("BaseLoc")) for one in document.iter(OFD + "Page")}
    fonts, ids = fonts_of(package, document), set(pages)
    lines = [read_page(package, path, fonts, ids) for path in pages.values()]
    assert int(document.find(f"{OFD}CommonData/{OFD}MaxUnitID").text) == max(int(one) for one in ids)

    signs = package.path("OFD.xml", root.find(f"{OFD}DocBody/{OFD}Signatures").text)
    [entry] = package.xml(signs).iter(OFD + "Signature")
    place = package.path(signs, entry.get("BaseLoc"))
    signature = package.xml(place)
    covered = set()
    for reference in signature.iter(OFD + "Reference"):
        path = package.path(place, reference.get("FileRef"))
        value = base64.b64decode(reference.find(OFD + "CheckValue").text)
        assert value == sm3(package.bytes(path)), path
        covered.add(path)
    value_path = package.path(place, signature.find(OFD + "SignedValue").text)
    assert set(package.names) - covered == {place, value_path}, set(package.names) - covered

    value = package.bytes(value_path)
    to_sign = core.Sequence.load(core.Sequence.load(value)[0].dump())
    seal = to_sign[1].dump()
    seal_path = package.path(place, signature.find(f"{OFD}SignedInfo/{OFD}Seal/{OFD}BaseLoc").text)
    assert package.bytes(seal_path) == seal, "Seal.esl is another seal"
    data_hash = core.OctetBitString.load(to_sign[3].dump()).native
    assert data_hash == sm3(package.bytes(place)), "dataHash"
    assert to_sign[4].native == "/" + place

    seal_info = core.Sequence.load(core.Sequence.load(seal)[0].dump())
    picture = seal_info[3]
    inner = Package(picture[1].native)
    shapes = len(list(inner.xml("Doc_0/Pages/Page_0/Content.xml").iter(OFD + "PathObject")))
    stamps = [{"page": list(pages).index(one.get("PageRef")), "boundary": [float(n) for n in one.get("Boundary").split()],
               "clip": [float(n) for n in one.get("Clip", "").split()]} for one in signature.iter(OFD + "StampAnnot")]
    attachments = package.xml(package.path("Doc_0/Document.xml", document.find(OFD + "Attachments").text))
    [attached] = attachments.iter(OFD + "Attachment")
    facts = package.bytes(posixpath.join("Doc_0/Attachs", attached.find(OFD + "FileLoc").text))

    folder = Path(directory)
    (folder / "SignedValue.dat").write_bytes(value)
    (folder / "seal_picture.ofd").write_bytes(picture[1].native)
    print(json.dumps({"custom": {one.get("Name"): one.text for one in info.iter(OFD + "CustomData")},
                      "title": info.find(OFD + "Title").text, "lines": lines, "stamps": stamps,
                      "picture": [picture[0].native, picture[2].native, shapes], "facts": json.loads(facts),
                      "fonts": sorted(font["name"].getDebugName(6) or "" for font in fonts.values()),
                      "files": package.names}, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
