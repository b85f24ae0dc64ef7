# Reads and writes national seals with python3-asn1crypto and openssl, knowing nothing of Xinyin's code:
# the judge of what we write, and the maker of what we must be able to read.
#   foreign_ses.py read  FILE DIR   checks every octet and every SM2 signature; prints what it found
#   foreign_ses.py write VERSION LIST DIR MOMENT
#        VERSION 1, 4, 5; LIST certs, digests; DIR has maker.pem, sealer.pem, maker.key, sealer.key, original
import datetime
import hashlib
import subprocess
import sys
from pathlib import Path

from asn1crypto import core, x509

DISTID = "distid:1234567812345678"


class Digest(core.Sequence):
    _fields = [("type", core.PrintableString), ("value", core.OctetString)]


class Digests(core.SequenceOf):
    _child_spec = Digest


class Certs(core.SequenceOf):
    _child_spec = core.OctetString


class Header(core.Sequence):
    _fields = [("id", core.IA5String), ("version", core.Integer), ("vid", core.IA5String)]


class Property(core.Sequence):
    _fields = [("type", core.Integer), ("name", core.UTF8String), ("list_type", core.Integer), ("list", core.Any),
               ("create", core.GeneralizedTime), ("start", core.GeneralizedTime), ("end", core.GeneralizedTime)]


class OldProperty(core.Sequence):
    _fields = [("type", core.Integer), ("name", core.UTF8String), ("list", Certs),
               ("create", core.UTCTime), ("start", core.UTCTime), ("end", core.UTCTime)]


class Picture(core.Sequence):
    _fields = [("type", core.IA5String), ("data", core.OctetString), ("width", core.Integer), ("height", core.Integer)]


class Info(core.Sequence):
    _fields = [("header", Header), ("es_id", core.IA5String), ("property", Property), ("picture", Picture)]


class OldInfo(core.Sequence):
    _fields = [("header", Header), ("es_id", core.IA5String), ("property", OldProperty), ("picture", Picture)]


class Seal(core.Sequence):
    _fields = [("info", Info), ("cert", core.OctetString), ("algorithm", core.ObjectIdentifier),
               ("signature", core.OctetBitString),
               ("time_stamp", core.OctetBitString, {"explicit": 0, "optional": True})]


class SignInfo(core.Sequence):
    _fields = [("cert", core.OctetString), ("algorithm", core.ObjectIdentifier), ("signature", core.OctetBitString)]


class OldSeal(core.Sequence):
    _fields = [("info", OldInfo), ("sign_info", SignInfo)]


class OldSigned(core.Sequence):
    _fields = [("info", OldInfo), ("cert", core.OctetString), ("algorithm", core.ObjectIdentifier)]


class ToSign(core.Sequence):
    _fields = [("version", core.Integer), ("seal", Seal), ("time", core.GeneralizedTime),
               ("hash", core.OctetBitString), ("property", core.IA5String)]


class OldToSign(core.Sequence):
    _fields = [("version", core.Integer), ("seal", OldSeal), ("time", core.OctetBitString),
               ("hash", core.OctetBitString), ("property", core.IA5String), ("cert", core.OctetString),
               ("algorithm", core.ObjectIdentifier)]


class Signature(core.Sequence):
    _fields = [("to_sign", ToSign), ("cert", core.OctetString), ("algorithm", core.ObjectIdentifier),
               ("signature", core.OctetBitString),
               ("time_stamp", core.OctetBitString, {"explicit": 0, "optional": True})]


class OldSignature(core.Sequence):
    _fields = [("to_sign", OldToSign), ("signature", core.OctetBitString)]


SM2_SM3 = "1.2.156.10197.1.501"


def openssl(*words, data=None):
    return subprocess.run(["openssl", *words], input=data, capture_output=True, check=True).stdout


def holds(directory, name, certificate, message, value):
    """openssl says that the SM2 signature holds under the default user id, and under no other."""
    (directory / (name + ".cer")).write_bytes(certificate)
    (directory / (name + ".msg")).write_bytes(message)
    (directory / (name + ".sig")).write_bytes(value)
    key = openssl("x509", "-inform", "DER", "-in", str(directory / (name + ".cer")), "-noout", "-pubkey")
    (directory / (name + ".pub")).write_bytes(key)
    words = ["openssl", "dgst", "-sm3", "-verify", str(directory / (name + ".pub")),
             "-signature", str(directory / (name + ".sig"))]
    good = subprocess.run([*words, "-sigopt", DISTID, str(directory / (name + ".msg"))], capture_output=True)
    other = subprocess.run([*words, "-sigopt", "distid:8765432187654321", str(directory / (name + ".msg"))],
                           capture_output=True)
    assert good.returncode == 0, good.stdout + good.stderr
    assert other.returncode != 0, "holds under any user id"


def same(value, octets):
    """What asn1crypto read, written again by it, is what was read: DER, in the schema above."""
    assert value.dump(force=True) == octets, "not the DER of its own content"


def read_seal(seal, directory):
    info = seal["info"]
    assert info["header"]["id"].native == "ES" and seal["algorithm"].native == SM2_SM3
    certificate = seal["cert"].native
    holds(directory, "maker", certificate, info.dump(), seal["signature"].native)
    prop = info["property"]
    kind = {1: Certs, 2: Digests}[prop["list_type"].native]
    members = kind.load(prop["list"].dump(), strict=True).native
    if isinstance(seal["time_stamp"], core.OctetBitString):
        (directory / "seal_token.der").write_bytes(seal["time_stamp"].native)
    maker = x509.Certificate.load(certificate, strict=True)
    return [f"version={info['header']['version'].native}", f"id={info['es_id'].native}",
            f"name={prop['name'].native}", f"list={prop['list_type'].native}", f"members={len(members)}",
            f"create={prop['create'].native.isoformat()}", f"end={prop['end'].native.isoformat()}",
            f"picture={info['picture']['type'].native}:{len(info['picture']['data'].native)}",
            f"size={info['picture']['width'].native}x{info['picture']['height'].native}",
            f"maker={maker.subject.native['common_name']}",
            f"seal_token={isinstance(seal['time_stamp'], core.OctetBitString)}"], members


def read(path, directory):
    octets = path.read_bytes()
    signature = Signature.load(octets, strict=True)
    same(signature, octets)
    to_sign = signature["to_sign"]
    told, members = read_seal(to_sign["seal"], directory)
    assert to_sign["version"].native == to_sign["seal"]["info"]["header"]["version"].native
    assert signature["algorithm"].native == SM2_SM3
    certificate = signature["cert"].native
    holds(directory, "sealer", certificate, to_sign.dump(), signature["signature"].native)
    listed = [one if isinstance(one, bytes) else one["value"] for one in members]
    wanted = certificate if len(listed[0]) != 32 else hashlib.new("sm3", certificate).digest()
    assert wanted in listed, "the sealer is not listed"
    stamped = isinstance(signature["time_stamp"], core.OctetBitString)
    if stamped:
        (directory / "token.der").write_bytes(signature["time_stamp"].native)
    told += [f"time={to_sign['time'].native.isoformat()}", f"hash={to_sign['hash'].native.hex()}",
             f"property={to_sign['property'].native}", f"token={stamped}"]
    print("\n".join(told))


def sign(directory, key, message):
    (directory / "to_sign").write_bytes(message)
    return openssl("dgst", "-sm3", "-sign", str(directory / key), "-sigopt", DISTID, str(directory / "to_sign"))


def certificate(directory, name):
    return openssl("x509", "-in", str(directory / name), "-outform", "DER")


def write(version, by_digest, directory, moment):
    maker, sealer = certificate(directory, "maker.pem"), certificate(directory, "sealer.pem")
    old = version == 1
    time = core.UTCTime if old else core.GeneralizedTime
    created, end = moment - datetime.timedelta(days=5), moment + datetime.timedelta(days=300)
    fields = {"type": 3, "name": "外来测试印章", "create": time(created), "start": time(created), "end": time(end)}
    listed = Digests([{"type": "SM3", "value": hashlib.new("sm3", sealer).digest()}]) if by_digest else Certs([sealer])
    fields["list"] = listed if old else core.Any(listed)
    if not old:
        fields["list_type"] = 2 if by_digest else 1
    info = (OldInfo if old else Info)({
        "header": {"id": "ES", "version": version, "vid": "ASN1CRYPTO"}, "es_id": "44010000000009",
        "property": (OldProperty if old else Property)(fields),
        "picture": {"type": "png", "data": b"\x89PNG\r\n\x1a\nforeign", "width": 40, "height": 40}})
    digest = hashlib.new("sm3", (directory / "original").read_bytes()).digest()
    place = "/Doc_0/Signs/Sign_0/Signature.xml"
    if old:
        # GM/T 0031-2014: the maker signs information, certificate and algorithm together.
        signed = OldSigned({"info": info, "cert": maker, "algorithm": SM2_SM3})
        seal = OldSeal({"info": info, "sign_info": {"cert": maker, "algorithm": SM2_SM3,
                                                    "signature": sign(directory, "maker.key", signed.dump())}})
        to_sign = OldToSign({"version": 1, "seal": seal, "time": core.UTCTime(moment).dump(), "hash": digest,
                             "property": place, "cert": sealer, "algorithm": SM2_SM3})
        whole = OldSignature({"to_sign": to_sign, "signature": sign(directory, "sealer.key", to_sign.dump())})
    else:
        seal = Seal({"info": info, "cert": maker, "algorithm": SM2_SM3,
                     "signature": sign(directory, "maker.key", info.dump())})
        to_sign = ToSign({"version": version, "seal": seal, "time": core.GeneralizedTime(moment), "hash": digest,
                          "property": place})
        whole = Signature({"to_sign": to_sign, "cert": sealer, "algorithm": SM2_SM3,
                           "signature": sign(directory, "sealer.key", to_sign.dump())})
    (directory / "seal.der").write_bytes(seal.dump())
    (directory / "signature.der").write_bytes(whole.dump())


def main():
    if sys.argv[1] == "read":
        read(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        moment = datetime.datetime.fromisoformat(sys.argv[5])
        write(int(sys.argv[2]), sys.argv[3] == "digests", Path(sys.argv[4]), moment)


main()
