"""Judges an ID token and an access token with Authlib: judge_with_authlib.py DIR ISSUER CLIENT NOW ALG."""
import base64
import hashlib
import json
import pathlib
import sys

from authlib.jose import JsonWebKey, JsonWebToken
from authlib.jose.errors import BadSignatureError
from authlib.oidc.core import CodeIDToken

directory, issuer, client, now, algorithm = sys.argv[1:]
read = lambda name: (pathlib.Path(directory) / name).read_text()
keys = JsonWebKey.import_key_set(json.loads(read("jwks.json")))
es256, for_client = JsonWebToken(["ES256"]), JsonWebToken([algorithm])

access = read("access")
claims = for_client.decode(
    read("id"), keys, claims_cls=CodeIDToken,
    claims_options={"iss": {"essential": True, "value": issuer},
                    "aud": {"essential": True, "value": client}},
    claims_params={"nonce": "n-0S6_WzA2Mj", "client_id": client, "max_age": 300,
                   "access_token": None if algorithm == "EdDSA" else access})
claims.validate(now=int(now))
key = keys.find_by_kid(claims.header["kid"])
assert claims.header["kid"] == key.thumbprint(), "kid is not the RFC 7638 thumbprint"
if algorithm == "EdDSA":  # Authlib knows no half hash for it
    digest = hashlib.sha512(access.encode()).digest()[:32]
    assert claims["at_hash"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
else:
    assert claims.validate_at_hash() is None

token = es256.decode(access, keys, claims_options={"iss": {"essential": True, "value": issuer}})
token.validate(now=int(now))
assert token.header["typ"] == "at+jwt" and token["client_id"] == client

head, payload, _ = read("id").split(".")
try:
    for_client.decode(f"{head}.{payload}.{access.split('.')[2]}", keys)
    sys.exit("a token under another token's signature was taken")
except BadSignatureError:
    pass
