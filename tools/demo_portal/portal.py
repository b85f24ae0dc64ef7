"""示范参保服务门户: a demonstration portal, a relying party like any other.

It knows of Xinyin only what every portal knows: an issuer, a client id and a client secret. It logs people
in over OpenID Connect (authorization code, PKCE S256, state, nonce) and fetches their sealed enrolment
certificate with the access token. It keeps nothing on disk; sessions live in its memory and end with it.

    portal.py --config portal.conf
"""

import argparse
import logging
import secrets
import sys
import threading
import time
import urllib.parse
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

import requests
import waitress
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from authlib.jose.errors import JoseError
from flask import Flask, Response, abort, redirect, render_template, request, session, url_for
from flask.sessions import SessionInterface, SessionMixin

COOKIE = "portal_session"
SESSION_LIFE_S = 1800
MOST_SESSIONS = 10_000
DEADLINE_S = 15  # for each call to the service
MOST_PDF_BYTES = 8 << 20
# What one can have made here, and what each kind of document is called.
ITEMS = {"enrolment-certificate": "参保证明", "contribution-certificate": "参保缴费凭证",
         "rights-record": "缴费权益记录", "benefit-statement": "待遇明细"}
KINDS = ITEMS | {"unit-enrolment-certificate": "单位参保证明", "unit-rights-record": "单位缴费权益记录",
                 "acceptance-notice": "受理通知单", "refusal-notice": "不予受理通知单",
                 "supplement-notice": "补正材料通知单", "result-notice": "办理结果告知单"}

log = logging.getLogger("portal")


class MemorySession(dict, SessionMixin):
    """What the portal remembers of one browser. The cookie holds only a random name for it."""

    def __init__(self, sid: str):
        super().__init__()
        self.sid = sid
        self.used_at = time.monotonic()
        self.ended = False


class MemorySessions(SessionInterface):
    """Sessions in memory: tokens never travel to the browser, and a restart logs everybody out."""

    def __init__(self):
        self._lock = threading.Lock()  # protects _sessions
        self._sessions: dict[str, MemorySession] = {}

    def open_session(self, app, http_request):
        sid = http_request.cookies.get(COOKIE, "")
        now = time.monotonic()
        with self._lock:
            found = self._sessions.get(sid)
            if found is not None and now - found.used_at < SESSION_LIFE_S:
                found.used_at = now
                return found
            self._sessions.pop(sid, None)
        return MemorySession(secrets.token_urlsafe(32))

    def save_session(self, app, current, response):
        with self._lock:
            if current.ended or not current:
                if self._sessions.pop(current.sid, None) is not None or current.ended:
                    response.delete_cookie(COOKIE, httponly=True, samesite="Lax")
                return
            if current.sid not in self._sessions:
                self._make_room()
                self._sessions[current.sid] = current
        response.set_cookie(COOKIE, current.sid, httponly=True, samesite="Lax", path="/",
                            secure=app.config["SECURE_COOKIES"])

    def renew(self, current: MemorySession) -> None:
        """A new name after login, so that a name planted before it is worth nothing."""
        with self._lock:
            self._sessions.pop(current.sid, None)
            current.sid = secrets.token_urlsafe(32)

    def _make_room(self) -> None:
        now = time.monotonic()
        if len(self._sessions) < MOST_SESSIONS:
            return
        for sid in [s for s, kept in self._sessions.items() if now - kept.used_at >= SESSION_LIFE_S]:
            del self._sessions[sid]
        while len(self._sessions) >= MOST_SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))


class ServiceRefused(Exception):
    """The service answered with a problem (RFC 9457) or not at all; `title` may be shown."""

    def __init__(self, title: str, status: int):
        super().__init__(title)
        self.title = title
        self.status = status


def read_config(path: Path) -> dict:
    known = {"listen", "public_url", "issuer", "client_id", "client_secret_file"}
    config = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        key, separator, value = (part.strip() for part in line.partition("="))
        if not separator or key not in known or key in config:
            sys.exit(f"{path}:{number}: expected one of {', '.join(sorted(known))}, each once, as key = value")
        config[key] = value
    if lacking := known - config.keys():
        sys.exit(f"{path}: {', '.join(sorted(lacking))} is missing")
    return config


class Service:
    """The sealed-document service as this portal may use it: with the person's access token only."""

    def __init__(self, issuer: str):
        self.issuer = issuer.rstrip("/")
        self.http = requests.Session()
        self.http.trust_env = False

    def call(self, method: str, path: str, token: str, **more) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": "zh", **more.pop("headers", {})}
        try:
            answer = self.http.request(method, self.issuer + path, headers=headers, timeout=DEADLINE_S,
                                       allow_redirects=False, **more)
        except requests.RequestException as error:
            log.warning("service unreachable: %s", type(error).__name__)
            raise ServiceRefused("服务暂时无法连接，请稍后再试。The service cannot be reached just now.", 503) from error
        if answer.status_code >= 400:
            title = "服务未能完成请求。The service refused."
            try:
                problem = answer.json()
                title = str(problem.get("detail") or problem.get("title") or title)
            except (ValueError, AttributeError):
                pass
            raise ServiceRefused(title, answer.status_code)
        return answer


def create_app(config: dict) -> Flask:
    app = Flask(__name__)
    public_url = config["public_url"].rstrip("/")
    issuer = config["issuer"].rstrip("/")
    app.config.update(SECURE_COOKIES=public_url.startswith("https:"), MAX_CONTENT_LENGTH=16_384,
                      SECRET_KEY=secrets.token_bytes(32), TRAP_HTTP_EXCEPTIONS=False)
    sessions = MemorySessions()
    app.session_interface = sessions
    service = Service(issuer)
    secret = Path(config["client_secret_file"]).read_text().strip()
    oauth = OAuth(app)
    oauth.register("xinyin", client_id=config["client_id"], client_secret=secret,
                   server_metadata_url=f"{issuer}/.well-known/openid-configuration",
                   client_kwargs={"scope": "openid profile documents", "code_challenge_method": "S256",
                                  "token_endpoint_auth_method": "client_secret_basic", "timeout": DEADLINE_S})

    def csrf() -> str:
        return session.setdefault("csrf", secrets.token_urlsafe(24))

    def check_csrf() -> None:
        if not secrets.compare_digest(request.form.get("csrf", ""), session.get("csrf", "") or "-"):
            abort(403)

    def person() -> dict | None:
        login = session.get("login")
        if login and login["expires_at"] < time.time():
            del session["login"]
            return None
        return login

    def failure(title: str, status: int):
        return render_template("failure.html", title=title, login=person()), status

    def when(text: str) -> str:
        """An RFC 3339 moment as people here read it."""
        try:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
            return moment.astimezone(timezone(timedelta(hours=8))).strftime("%Y年%m月%d日 %H:%M")
        except (ValueError, AttributeError):
            return ""

    app.jinja_env.filters["when"] = when
    app.jinja_env.globals.update(csrf=csrf, issuer=issuer, items=ITEMS, kinds=KINDS)

    @app.after_request
    def harden(response: Response) -> Response:
        form_targets = f"'self' {issuer}"
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
            f"form-action {form_targets}")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        if not request.path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store"
        return response

    @app.get("/")
    def home():
        login = person()
        documents, trouble = [], ""
        if login:
            try:
                documents = service.call("GET", "/v1/documents", login["access_token"]).json()
                documents = documents.get("documents", []) if isinstance(documents, dict) else documents
            except ServiceRefused as refused:
                if refused.status == 401:
                    session.pop("login", None)
                    return redirect(url_for("home"), 303)
                trouble = refused.title
            except ValueError:
                trouble = "服务的回答无法读取。The service's answer could not be read."
        return render_template("home.html", login=login, documents=documents, trouble=trouble)

    @app.get("/health/ready")
    def ready():
        return Response("ready\n", mimetype="text/plain")

    @app.post("/login")
    def login():
        check_csrf()
        session.pop("login", None)
        try:
            answer = oauth.xinyin.authorize_redirect(f"{public_url}/callback")
        except (requests.RequestException, AuthlibBaseError, ValueError, KeyError, RuntimeError) as error:
            log.warning("discovery failed: %s", type(error).__name__)
            return failure("统一身份认证暂时不可用，请稍后再试。Logging in is not possible just now.", 503)
        answer.status_code = 303
        return answer

    @app.get("/callback")
    def callback():
        # RFC 9207: the answer must come from the issuer that was asked.
        if request.args.get("iss", issuer) != issuer:
            return failure("登录应答来自其他服务。The answer came from another service.", 400)
        if request.args.get("error") == "access_denied":
            return failure("您没有同意授权，因此未登录。You did not consent, so you are not logged in.", 403)
        try:
            # Checks state; exchanges the code with the verifier; checks the ID token's signature against
            # the published keys, and its iss, aud, exp and nonce.
            token = oauth.xinyin.authorize_access_token()
        except (AuthlibBaseError, JoseError, requests.RequestException, ValueError, KeyError) as error:
            log.warning("login refused: %s", type(error).__name__)
            return failure("登录未完成，请从首页重新登录。The login was not completed; please start again.", 400)
        claims = token.get("userinfo") or {}
        if not claims.get("sub") or not claims.get("nonce"):
            return failure("登录应答不完整。The answer was incomplete.", 400)
        sessions.renew(session)
        session["csrf"] = secrets.token_urlsafe(24)
        session["login"] = {
            "sub": claims["sub"],
            "name": claims.get("name", ""),
            "access_token": token["access_token"],
            "id_token": token["id_token"],
            "expires_at": time.time() + int(token.get("expires_in", 300)),
            "auth_time": claims.get("auth_time"),
            "acr": claims.get("acr", ""),
        }
        if not session["login"]["name"]:
            try:
                info = service.call("GET", userinfo_path(), token["access_token"]).json()
                if info.get("sub") == claims["sub"]:  # OpenID Connect Core §5.3.2
                    session["login"]["name"] = str(info.get("name", ""))
            except (ServiceRefused, ValueError):
                pass
        return redirect(url_for("home"), 303)

    def userinfo_path() -> str:
        endpoint = oauth.xinyin.load_server_metadata().get("userinfo_endpoint", issuer + "/userinfo")
        return endpoint.removeprefix(issuer)

    @app.post("/certificate")
    @app.post("/certificate/new/<item>")
    def obtain(item: str = "enrolment-certificate"):
        check_csrf()
        if item not in ITEMS:
            abort(404)
        login = person()
        if not login:
            return redirect(url_for("home"), 303)
        # The form carries the key, so that pressing the button twice gives one certificate.
        key = request.form.get("request", "")
        try:
            uuid.UUID(key)
        except ValueError:
            abort(400)
        try:
            made = service.call("POST", f"/v1/documents/{item}", login["access_token"], json={},
                                headers={"Idempotency-Key": key}).json()
            document = str(made["id"])
        except ServiceRefused as refused:
            return failure(refused.title, refused.status if refused.status < 600 else 502)
        except (ValueError, KeyError, TypeError):
            return failure("服务的回答无法读取。The service's answer could not be read.", 502)
        return redirect(url_for("certificate", document=document), 303)

    @app.get("/certificate/<document>")
    def certificate(document: str):
        login = person()
        if not login:
            return redirect(url_for("home"), 303)
        return render_template("certificate.html", login=login, document=document)

    @app.get("/certificate/<document>/file")
    def download(document: str):
        login = person()
        if not login:
            return redirect(url_for("home"), 303)
        path = "/v1/documents/" + urllib.parse.quote(document, safe="")
        try:
            answer = service.call("GET", path, login["access_token"], headers={"Accept": "application/pdf"})
        except ServiceRefused as refused:
            return failure(refused.title, refused.status)
        if (answer.headers.get("Content-Type", "").split(";")[0] != "application/pdf"
                or len(answer.content) > MOST_PDF_BYTES):
            return failure("服务没有给出 PDF 文件。The service did not give a PDF.", 502)
        response = Response(answer.content, mimetype="application/pdf")
        response.headers.set("Content-Disposition", "attachment", filename="enrolment-certificate.pdf")
        return response

    @app.post("/logout")
    def logout():
        check_csrf()
        login = session.get("login")
        session.clear()
        session.ended = True
        if not login:
            return redirect(url_for("home"), 303)
        try:
            endpoint = oauth.xinyin.load_server_metadata()["end_session_endpoint"]
        except (requests.RequestException, AuthlibBaseError, ValueError, KeyError, RuntimeError):
            return redirect(url_for("home"), 303)
        # OpenID Connect RP-Initiated Logout 1.0 §2
        query = urllib.parse.urlencode({"id_token_hint": login["id_token"], "client_id": config["client_id"],
                                        "post_logout_redirect_uri": f"{public_url}/"})
        return redirect(f"{endpoint}?{query}", 303)

    @app.errorhandler(403)
    @app.errorhandler(400)
    @app.errorhandler(404)
    @app.errorhandler(405)
    @app.errorhandler(413)
    def refused(error):
        return failure("请求无效或页面已过期，请从首页重新开始。The request is not valid, or the page is too old.",
                       error.code)

    @app.errorhandler(500)
    def broken(error):
        return failure("门户出现故障，已记录。Something broke at the portal; it was logged.", 500)

    @app.context_processor
    def request_key():
        return {"request_key": lambda: str(uuid.uuid4())}

    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    config = read_config(parser.parse_args().config)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("waitress").setLevel(logging.WARNING)
    log.info("serving %s for %s", config["public_url"], config["issuer"])
    waitress.serve(create_app(config), listen=config["listen"], threads=4, ident="portal",
                   max_request_body_size=16_384, channel_timeout=30, connection_limit=1000)


if __name__ == "__main__":
    main()
