"""Just enough of a browser and of an OpenID client to make the first sealed sample over the real door.

Everything goes through HAProxy like anybody's request: discovery, authorization with PKCE, the login and
consent pages, the token endpoint, the document endpoint.
"""

import base64
import hashlib
import html.parser
import http.cookiejar
import json
import secrets
import urllib.error
import urllib.parse
import urllib.request
import uuid

from show import Failure

DEADLINE_S = 30


class _Forms(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms: list[dict] = []

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if tag == "form":
            self.forms.append({"action": named.get("action", ""), "method": named.get("method", "get"),
                               "fields": {}, "buttons": []})
        elif self.forms and tag == "input" and named.get("name"):
            self.forms[-1]["fields"][named["name"]] = named.get("value", "")
        elif self.forms and tag == "button" and named.get("name"):
            self.forms[-1]["buttons"].append((named["name"], named.get("value", "")))


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **more):
        return None


class Browser:
    def __init__(self, origin: str):
        self.origin = origin
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _Stay(),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def ask(self, method: str, url: str, body: bytes | None = None, **headers):
        request = urllib.request.Request(url, data=body, method=method, headers={
            "Accept": "text/html,application/json;q=0.9,*/*;q=0.8",
            **{name.replace("_", "-"): value for name, value in headers.items()}})
        try:
            answer = self._opener.open(request, timeout=DEADLINE_S)
        except urllib.error.HTTPError as error:
            answer = error
        except OSError as error:
            raise Failure(f"{url} does not answer: {error}") from error
        with answer:
            return answer.status, answer.headers, answer.read()

    def send_form(self, url: str, fields: dict):
        return self.ask("POST", url, urllib.parse.urlencode(fields).encode(), Origin=self.origin,
                        Sec_Fetch_Site="same-origin", Content_Type="application/x-www-form-urlencoded")


def log_in(issuer: str, client: dict, username: str, password: str, scopes: str) -> str:
    """The access token that `client` gets when this person logs in and consents."""
    browser = Browser(issuer)
    status, _, body = browser.ask("GET", f"{issuer}/.well-known/openid-configuration")
    expect(status, 200, "discovery", body)
    found = json.loads(body)
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    url = found["authorization_endpoint"] + "?" + urllib.parse.urlencode({
        "response_type": "code", "client_id": client["client_id"], "redirect_uri": client["redirect_uri"],
        "scope": scopes, "state": state, "nonce": secrets.token_urlsafe(16), "code_challenge": challenge,
        "code_challenge_method": "S256"})
    status, headers, body = browser.ask("GET", url)
    for _ in range(12):
        if status in (301, 302, 303, 307):
            url = urllib.parse.urljoin(url, headers["Location"])
            if url.startswith(client["redirect_uri"]):
                break
            status, headers, body = browser.ask("GET", url)
            continue
        expect(status, 200, "the page after logging in", body)
        page = _Forms()
        page.feed(body.decode())
        form = next((f for f in page.forms if f["method"].lower() == "post"), None)
        if form is None:
            raise Failure(f"There is no form at {url}")
        fields = dict(form["fields"])
        if "password" in fields:
            fields |= {"login_name": username, "password": password}
        elif ("decision", "grant") in form["buttons"]:
            fields["decision"] = "grant"
        status, headers, body = browser.send_form(urllib.parse.urljoin(url, form["action"]), fields)
    answer = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
    if answer.get("state") != [state] or "code" not in answer:
        raise Failure(f"Logging in as {username} gave no code: {answer.get('error', ['no redirect'])[0]}")
    basic = base64.b64encode(f"{urllib.parse.quote(client['client_id'], safe='')}:"
                             f"{urllib.parse.quote(client['client_secret'], safe='')}".encode()).decode()
    status, _, body = browser.ask(
        "POST", found["token_endpoint"],
        urllib.parse.urlencode({"grant_type": "authorization_code", "code": answer["code"][0],
                                "redirect_uri": client["redirect_uri"], "code_verifier": verifier}).encode(),
        Authorization=f"Basic {basic}", Content_Type="application/x-www-form-urlencoded")
    expect(status, 200, "the token endpoint", body)
    return json.loads(body)["access_token"]


def issue_certificate(issuer: str, token: str) -> tuple[dict, bytes]:
    """What the service says of a fresh enrolment certificate, and its PDF."""
    browser = Browser(issuer)
    bearer = f"Bearer {token}"
    status, _, body = browser.ask("POST", f"{issuer}/v1/documents/enrolment-certificate", b"{}", Authorization=bearer,
                                  Content_Type="application/json", Idempotency_Key=str(uuid.uuid4()))
    expect(status, (200, 201), "issuing the sample", body)
    made = json.loads(body)
    status, headers, pdf = browser.ask("GET", f"{issuer}/v1/documents/{made['id']}", Authorization=bearer,
                                       Accept="application/pdf")
    expect(status, 200, "fetching the sample", pdf)
    if not pdf.startswith(b"%PDF-"):
        raise Failure(f"The sample is not a PDF but {headers.get('Content-Type')}")
    return made, pdf


def expect(status: int, wanted, what: str, body: bytes) -> None:
    if status not in (wanted if isinstance(wanted, tuple) else (wanted,)):
        raise Failure(f"{what} answered {status}: {body[:400].decode('utf-8', 'replace')}")


def status_of(url: str, timeout_s: float = 2) -> int | None:
    """The status of a GET; None when nobody answers."""
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())
        with opener.open(url, timeout=timeout_s) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except (OSError, ValueError):
        return None
    except Exception:  # a half-started server may answer anything
        return None
