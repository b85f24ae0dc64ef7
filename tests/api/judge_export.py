"""Judges an export of an account with other people's programs: judge_export.py EXPORT.json JWKS.json

The signature by Authlib, the canonical text by Python's own JSON: RFC 8785 for what stands in an export (texts and
small integers) is sorted members without white space. Prints the issuer, or what is wrong.
"""

import hashlib
import json
import sys

from authlib.jose import JsonWebKey, JsonWebSignature

export = json.load(open(sys.argv[1], encoding="utf-8"))
keys = JsonWebKey.import_key_set(json.load(open(sys.argv[2], encoding="utf-8")))
proof = export.pop("proof")


def key_of(header, _payload):
    return keys.find_by_kid(header["kid"])


signed = JsonWebSignature(["ES256"]).deserialize_compact(proof, key_of)
if signed["header"]["typ"] != "xinyin-export+jwt":
    sys.exit("another type")
claims = json.loads(signed["payload"])
# RFC 8785 §3.2.3: members in the order of their UTF-16 code units; those of an export are ASCII.
canonical = json.dumps(export, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
if hashlib.sha256(canonical.encode()).hexdigest() != claims["sha256"]:
    sys.exit("altered")
print(claims["iss"])
