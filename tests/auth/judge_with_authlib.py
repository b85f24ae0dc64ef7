"""Judges an ID token and an access token with Authlib: judge_with_authlib.py DIR ISSUER CLIENT NOW."""
import json
import pathlib
import sys

from authlib.jose import JsonWebKey, JsonWebToken
from authlib.jose.errors import BadSignatureError
from authlib.oidc.core import CodeIDToken

directory, issuer, client, now = sys.argv[1:]
read = lambda name: (pathlib.Path(directory) / name).read_text()
keys = JsonWebKey.import_key_set(json.loads(read("jwks.json")))
es256 = JsonWebToken(["ES256"])

access = read("access")
claims = es256.decode(
    read("id"), keys, claims_cls=CodeIDToken,
    claims_options={"iss": {"essential": True, "value": issuer},
                    "aud": {"essential": True, "value": client}},
    claims_params={"nonce": "n-0S6_WzA2Mj", "client_id": client, "access_token": access,
                   "max_age": 300})
claims.validate(now=int(now))
assert claims.header["kid"] == keys.keys[0].thumbprint(), "kid is not the RFC 7638 thumbprint"
assert claims.validate_at_hash() is None

token = es256.decode(access, keys, claims_options={"iss": {"essential": True, "value": issuer}})
token.validate(now=int(now))
assert token.header["typ"] == "at+jwt" and token["client_id"] == client

head, payload, _ = read("id").split(".")
try:
    es256.decode(f"{head}.{payload}.{access.split('.')[2]}", keys)
    sys.exit("a token under another token's signature was taken")
except BadSignatureError:
    pass
