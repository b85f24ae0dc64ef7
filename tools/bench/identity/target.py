"""What is done at a server under test, the same at each: the rows of the comparison."""

from urllib.parse import parse_qs, quote, urlencode, urlsplit

import json
import load
from wire import Answer, Broken, Connection, basic

# RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
TOKENS = 16  # different ones that introspection and userinfo are asked about
NETWORKS = 250


def expect(answer: Answer, wanted: int | tuple, what: str) -> Answer:
    if answer.status not in (wanted if isinstance(wanted, tuple) else (wanted,)):
        raise Broken(f"{what}: {answer.status}")
    return answer


def network_of(number: int) -> str:
    """The header by which a client of one of many networks is told apart: limits count by /24."""
    return f"X-Forwarded-For: 10.{number // 250 % 250}.{number % 250}.7"


class Target:
    name = ""
    origin = ""
    port = 0  # where it listens itself
    pids: list[int] = []
    client_id = client_secret = redirect_uri = ""
    username = password = ""
    authorize_path = token_path = introspect_path = userinfo_path = discovery_path = ""
    scope = "openid profile"
    machine_form: dict = {}

    def connect(self, number: int = 0) -> Connection:
        one = Connection("127.0.0.1", self.port, self.origin)
        one.always.append(network_of(number))
        return one

    # ---- one request an operation: raw requests that are sent in turn ---------------------------

    def discovery(self) -> list[bytes]:
        return [load.raw(self.origin, "GET", self.discovery_path)]

    def machine_tokens(self) -> list[bytes]:
        form = urlencode({"grant_type": "client_credentials", **self.machine_form})
        return [load.raw(self.origin, "POST", self.token_path, [self.basic(), network_of(n)], form)
                for n in range(NETWORKS)]

    def introspection(self) -> list[bytes]:
        return [load.raw(self.origin, "POST", self.introspect_path, [self.basic(), network_of(n)],
                         urlencode({"token": token})) for n, token in self._spread()]

    def userinfo(self) -> list[bytes]:
        return [load.raw(self.origin, "GET", self.userinfo_path, [f"Authorization: Bearer {token}", network_of(n)])
                for n, token in self._spread()]

    def _spread(self):
        tokens = [self.login(self.visitor(n))["access_token"] for n in range(TOKENS)]
        return [(n, tokens[n % TOKENS]) for n in range(NETWORKS)]

    def basic(self) -> str:
        return basic(self.client_id, self.client_secret)

    # ---- whole logins -----------------------------------------------------------------------------

    def authorize_url(self, **more) -> str:
        return self.authorize_path + "?" + urlencode({
            "response_type": "code", "client_id": self.client_id, "redirect_uri": self.redirect_uri,
            "scope": self.scope, "state": "0123456789abcdef", "nonce": "fedcba9876543210",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256", **more}, quote_via=quote)

    def visitor(self, number: int) -> dict:
        """A browser of its own; each flow takes it further."""
        client = self.connect(number)
        client.browser = False
        return {"number": number, "connection": self.connect(number), "client": client}

    def login(self, visitor: dict) -> dict:
        """Login page, consent, code, tokens: with no session at first. Gives the token answer."""
        raise NotImplementedError

    def sso(self, visitor: dict) -> dict:
        """The same with the session that login() left, and what was consented to."""
        return self.redeem(visitor, expect(visitor["connection"].ask("GET", self.authorize_url()), (302, 303), "sso"))

    def redeem(self, visitor: dict, sent_back: Answer) -> dict:
        location = sent_back.location
        if not location.startswith(self.redirect_uri):
            raise Broken(f"sent elsewhere: {location[:60]}")
        query = parse_qs(urlsplit(location).query)
        if "code" not in query:
            raise Broken(f"no code: {query.get('error', ['?'])[0]}")
        answer = visitor["client"].form(self.token_path, {
            "grant_type": "authorization_code", "code": query["code"][0], "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER}, [self.basic()])
        if answer.status != 200:
            raise Broken(f"token: {answer.status} {answer.body[:60].decode('utf-8', 'replace')}")
        return json.loads(answer.body)

    def stop(self) -> None:
        pass
