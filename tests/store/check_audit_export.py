#!/usr/bin/python3
"""Checks an audit export, from docs/audit.md alone: it shares no code with what wrote the file.

  check_audit_export.py FILE [--key PEM]… [--head ROW:HASH]…

Prints what is wrong and exits with 11, or counts and exits with 0. --key: a public key or certificate that may sign
heads; without it the file's own keys are taken.
"""

import argparse
import base64
import datetime
import hashlib
import json
import sys

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

ZERO = "0" * 64
ROW = ["seq", "at", "actor", "act", "object", "outcome", "facts", "previous", "hash"]
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class Broken(Exception):
    pass


def need(fits: bool, what: str) -> None:
    if not fits:
        raise Broken(what)


def pairs(items):
    need(len({name for name, _ in items}) == len(items), "a member twice")
    return dict(items)


def parse(text: str) -> dict:
    value = json.loads(text, object_pairs_hook=pairs)
    need(isinstance(value, dict), "not an object")
    return value


def micros(text: str) -> int:
    need(len(text) == 27, "a time without six decimals")
    at = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    return (at - EPOCH) // datetime.timedelta(microseconds=1)


def number(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


def counted(text: str) -> bytes:
    octets = text.encode("utf-8")
    return number(len(octets)) + octets


def row_hash(row: dict) -> str:
    octets = counted("xinyin audit 1") + number(row["seq"]) + bytes.fromhex(row["previous"]) + number(micros(row["at"]))
    for name in ("actor", "act", "object", "outcome", "facts"):
        octets += counted(row[name])
    return hashlib.sha256(octets).hexdigest()


def unbase64url(text: str) -> bytes:
    octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    need(base64.urlsafe_b64encode(octets).rstrip(b"=").decode() == text, "not base64url")
    return octets


def key_id(spki: bytes) -> str:
    return hashlib.sha256(spki).digest()[:20].hex()


class Keys:
    def __init__(self):
        self.keys = {}

    def add(self, spki: bytes, begin=None, end=None) -> None:
        self.keys[key_id(spki)] = (serialization.load_der_public_key(spki), begin, end)

    def add_pem(self, pem: bytes) -> None:
        begin = end = None
        if b"BEGIN CERTIFICATE" in pem:
            certificate = x509.load_pem_x509_certificate(pem)
            key = certificate.public_key()
            begin, end = (moment.replace(tzinfo=datetime.timezone.utc)
                          for moment in (certificate.not_valid_before, certificate.not_valid_after))
        else:
            key = serialization.load_pem_public_key(pem)
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        self.add(key.public_bytes(serialization.Encoding.DER, form), begin, end)

    def check(self, kid: str, at: int, signed: bytes, signature: bytes) -> None:
        need(kid in self.keys, f"signed with a key that is not trusted, {kid}")
        key, begin, end = self.keys[kid]
        need(len(signature) == 64, "signature of another length")
        der = utils.encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
        try:
            key.verify(der, signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise Broken("wrong signature") from None
        moment = EPOCH + datetime.timedelta(microseconds=at)
        need((begin is None or begin <= moment) and (end is None or moment <= end), "signed outside the key's life")


class Check:
    def __init__(self, keys: Keys, known: dict):
        self.keys, self.known = keys, known
        self.first = 1
        self.seq, self.hash = 0, ZERO
        self.rows = self.heads = self.last_head = 0
        self.untold = {}

    def start(self, line: dict) -> None:
        names = ["xinyin_audit_export", "agency", "agency_code", "from", "previous", "made_at", "keys"]
        need(list(line) == names and line["xinyin_audit_export"] == 1, "not the start of an export")
        need(line["from"] >= 1 and (line["from"] > 1 or line["previous"] == ZERO), "starts nowhere")
        claimed = not self.keys.keys
        for key in line["keys"]:
            spki = base64.b64decode(key["spki"], validate=True)
            need(key["kid"] == key_id(spki), "a key under another's name")
            if claimed:
                self.keys.add(spki)
        self.first = line["from"]
        self.seq, self.hash = self.first - 1, line["previous"]
        self.look_up()

    def look_up(self) -> None:
        need(self.known.get(self.seq, self.hash) == self.hash, f"row {self.seq} is not what was kept elsewhere")

    def row(self, row: dict) -> None:
        need(list(row) == ROW, "not a row")
        need(row["seq"] == self.seq + 1, f"row {self.seq + 1} expected, {row['seq']} found")
        need(row["previous"] == self.hash, f"row {row['seq']} does not follow the row before it")
        need(row["hash"] == row_hash(row), f"row {row['seq']} was altered")
        self.seq, self.hash = row["seq"], row["hash"]
        self.rows += 1
        self.look_up()
        if row["act"] != "audit.sign_head":
            return
        facts = parse(row["facts"])
        if facts["seq"] >= self.first:
            digest = self.untold.pop(facts["seq"], None)
            need(digest is not None, f"the signed head of row {facts['seq']} is missing")
            need(digest == facts["sha256"], f"the signed head of row {facts['seq']} was replaced")

    def head(self, jws: str) -> None:
        header_text, payload_text, signature = jws.split(".")
        header, payload = (parse(unbase64url(text).decode()) for text in (header_text, payload_text))
        need(header == {"alg": "ES256", "kid": header["kid"], "typ": "xinyin-audit-head"}, "another header")
        need(list(payload) == ["version", "seq", "hash", "at"] and payload["version"] == 1, "another payload")
        where = f"the signed head of row {payload['seq']}: "
        need(payload["seq"] == self.seq and self.rows > 0 and self.seq > self.last_head, where + "not in its place")
        need(payload["hash"] == self.hash, where + "the row is not what was signed")
        try:
            self.keys.check(header["kid"], micros(payload["at"]), f"{header_text}.{payload_text}".encode(),
                            unbase64url(signature))
        except Broken as why:
            raise Broken(where + str(why)) from None
        self.last_head = self.seq
        self.heads += 1
        self.untold[self.seq] = hashlib.sha256(jws.encode()).hexdigest()

    def end(self, end: dict, digest: str) -> None:
        need(end["sha256"] == digest, "the file is not what its last line says")
        need((end["rows"], end["heads"], end["last"], end["hash"]) == (self.rows, self.heads, self.seq, self.hash),
             "the counts are not what the last line says")
        need(not self.untold, f"no row tells of the signed heads of rows {list(self.untold)}")
        need(all(seq <= self.seq for seq in self.known), "a row that was kept elsewhere is behind the end")


def check(file, keys: Keys, known: dict) -> str:
    state, digest, ended = Check(keys, known), hashlib.sha256(), False
    for place, octets in enumerate(file, 1):
        try:
            need(not ended, "more behind the end")
            need(octets.endswith(b"\n") and len(octets) <= 524_289, "cut off")
            line = parse(octets[:-1].decode("utf-8"))
            if place == 1:
                state.start(line)
            elif "end" in line:
                state.end(line["end"], digest.hexdigest())
                ended = True
            elif "signed_head" in line:
                state.head(line["signed_head"])
            else:
                state.row(line)
        except Broken as why:
            raise Broken(f"line {place}: {why}") from None
        except (ValueError, KeyError, TypeError, AttributeError) as why:
            raise Broken(f"line {place}: malformed, {why}") from None
        digest.update(octets)
    need(ended, "the end is missing")
    return f"whole: rows {state.first} to {state.seq}, {state.heads} signed heads"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--key", action="append", default=[])
    parser.add_argument("--head", action="append", default=[])
    options = parser.parse_args()
    keys = Keys()
    for name in options.key:
        with open(name, "rb") as file:
            keys.add_pem(file.read())
    known = {int(seq): value for seq, value in (head.split(":") for head in options.head)}
    try:
        with open(options.file, "rb") as file:
            print(check(file, keys, known))
    except Broken as why:
        print(f"broken: {why}")
        return 11
    return 0


if __name__ == "__main__":
    sys.exit(main())
