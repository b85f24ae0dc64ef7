"""Every configuration file of a demonstration, written as an operator would write it.

What is chosen here is nothing but values of ordinary keys (docs/config.md, docs/operations.md): the files
under var/etc are good examples for a real installation, except where they say "demonstration".
"""

import hashlib
import json
import os
import resource
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import cluster
from children import Child
from layout import Area
from show import Failure

MODULES = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
           "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"]
TOKEN_LABEL = "xinyin-demo"
PLAN = "certs/demo_ceremony.json"
AGENCY = {"name": "演示社会保险经办中心", "code": "12100000MB0000000L"}


@dataclass(frozen=True)
class Ports:
    front: int

    @property
    def service(self) -> int: return self.front + 1
    @property
    def portal(self) -> int: return self.front + 10
    @property
    def sms(self) -> int: return self.front + 11
    @property
    def proofing(self) -> int: return self.front + 12
    @property
    def body(self) -> int: return self.front + 13
    @property
    def public_url(self) -> str: return f"http://127.0.0.1:{self.front}"
    @property
    def portal_url(self) -> str: return f"http://127.0.0.1:{self.portal}"

    def all(self):
        return [(self.front, "HAProxy, the public address"), (self.service, "xinyind"),
                (self.portal, "the demonstration portal"), (self.sms, "the simulator of text messages"),
                (self.proofing, "the simulator of proofing sources"),
                (self.body, "the simulator of a certification body")]


def softhsm_module() -> str:
    for module in MODULES:
        if os.path.exists(module):
            return module
    raise Failure("SoftHSM's module libsofthsm2.so is missing. Mend it with: apt-get install softhsm2")


def font_file() -> str:
    font = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
    if not os.path.exists(font):
        raise Failure("The documents' font is missing. Mend it with: apt-get install fonts-noto-cjk")
    return font


def write(path: Path, text: str, mode: int = 0o600) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text)
    fresh.chmod(mode)
    fresh.rename(path)


def write_pins(area: Area) -> None:
    pin = lambda: "".join(secrets.choice("0123456789") for _ in range(12)) + "\n"
    for name in ("token-pin", "token-so-pin"):
        write(area.secrets / name, pin())
    for person in officers(area):
        for name in ("pin", "so-pin"):
            write(area.officers / f"{person['id']}.{name}", pin())
        write(area.officers / f"{person['id']}.softhsm.conf",
              f"directories.tokendir = {area.officers}/{person['id']}\nobjectstore.backend = file\n"
              "log.level = ERROR\nslots.removable = false\n")


def write_all(area: Area, ports: Ports) -> None:
    if not (area.secrets / "proofing-key").exists():
        write(area.secrets / "proofing-key", secrets.token_urlsafe(32) + "\n")
    if not (area.secrets / "sms-key").exists():
        write(area.secrets / "sms-key", secrets.token_urlsafe(32) + "\n")
    write(area.etc / "softhsm2.conf", softhsm_conf(area))
    write(area.etc / "signer.conf", signer_conf(area))
    write(area.etc / "officer.conf", officer_conf(area, ports))
    write(area.etc / "xinyind.conf", xinyind_conf(area, ports))
    write(area.etc / "haproxy.cfg", haproxy_cfg(area, ports))
    write(area.etc / "portal.conf", portal_conf(area, ports))
    # The token is made empty: its keys come of the officers' ceremony.
    write(area.etc / "key-plan.json", json.dumps({"keys": []}) + "\n")
    for person in officers(area):
        write(area.officers / f"{person['id']}.conf", card_conf(area, person["id"]))


def softhsm_conf(area: Area) -> str:
    return f"""# SoftHSM, the demonstration's token. A real installation names its own PKCS#11 module in signer.conf.
directories.tokendir = {area.token}/store
objectstore.backend = file
log.level = ERROR
slots.removable = false
"""


def officers(area: Area) -> list[dict]:
    """Who takes part in the demonstration's ceremony: id, person, title, role."""
    return json.loads((area.tree / PLAN).read_text())["roles"]


def card_conf(area: Area, person: str) -> str:
    return f"""# The card of {person}: a SoftHSM token stands in for a smart card. A real one names its own module, and
# leaves the PIN to be typed.
card.module = {softhsm_module()}
card.label = card-{person}
card.softhsm_conf = {area.officers}/{person}.softhsm.conf
card.directory = {area.officers}/{person}
card.pin_file = {area.officers}/{person}.pin
"""


def haproxy_errors() -> str:
    """What HAProxy says when it must answer by itself: problems, as the service says them (RFC 9457)."""
    words = {400: ("请求格式有误。", "The request is not well-formed HTTP."),
             408: ("请求未在时限内传完。", "The request did not arrive in time."),
             500: ("服务出现故障。", "Something broke."),
             502: ("服务中断，请稍后重试。", "The service broke off; please try again."),
             503: ("服务繁忙或正在启动，请稍后重试。", "The service is busy or starting; please try again."),
             504: ("服务未在时限内应答。", "The service did not answer in time.")}
    lines = []
    for status, (zh, en) in words.items():
        body = json.dumps({"type": "about:blank", "title": zh, "status": status, "en": {"title": en}},
                          ensure_ascii=False, separators=(",", ":"))
        lines.append(f"    http-error status {status} content-type application/problem+json string '{body}'"
                     + (" hdr Retry-After 2" if status == 503 else "") + " hdr Cache-Control no-store")
    return "\n".join(lines)


def haproxy_cfg(area: Area, ports: Ports) -> str:
    # HAProxy needs two descriptors a connection and refuses to start when it cannot have them.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = 10_000 if hard == resource.RLIM_INFINITY else max(200, min(10_000, (hard - 200) // 2))
    return f"""# HAProxy in front of xinyind: keeps slow and idle clients away from it. In a real installation this is
# where TLS and HTTP/2 end; see docs/operations.md.
global
    maxconn {most}
    nbthread 1
    log stderr format raw daemon warning
    # Not one byte of a request that is not HTTP reaches the service.
    tune.bufsize 32768

defaults
    mode http
    log global
    option dontlognull
    option dontlog-normal
    # Only what failed is logged, and never an address: it may hold a document's code.
    log-format "%ci %ts %ST %Tt"
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout http-request 10s
    timeout http-keep-alive 30s
    timeout queue 3s
    # Readiness asks the signer and the database: while one of them hangs it answers late, not never.
    timeout check 10s
    retries 1
    option redispatch
{haproxy_errors()}

frontend public
    bind 127.0.0.1:{ports.front}
    # A request goes on only when it is here whole.
    option http-buffer-request
    http-request deny deny_status 400 unless {{ req.hdr_cnt(host) eq 1 }} {{ req.ver 1.0 1.1 }}
    # Whoever claims to forward for somebody else is not believed.
    http-request del-header X-Forwarded-For
    http-request set-header X-Forwarded-For %[src]
    http-request del-header X-Forwarded-Proto
    http-request del-header X-Forwarded-Host
    http-request del-header Forwarded
    # A certificate in a header is nobody's to tell here.
    http-request del-header Client-Cert
    http-request del-header Client-Cert-Chain
    default_backend service

backend service
    http-reuse always
    # An instance is taken out when it is about to stop or does not answer. Not when the token or the database
    # is away: verification goes on then, and what cannot be served says so itself.
    option httpchk
    http-check send meth GET uri /health/ready ver HTTP/1.1 hdr Host 127.0.0.1:{ports.front}
    http-check expect string "\\"serving\\":{{\\"ready\\":true}}"
    default-server inter 1s fastinter 100ms downinter 100ms fall 2 rise 1 maxconn 1000 maxqueue 2000 pool-purge-delay 5s
    server xinyind 127.0.0.1:{ports.service} check
"""


def portal_conf(area: Area, ports: Ports) -> str:
    return f"""# The demonstration portal: a relying party of its own.
listen = 127.0.0.1:{ports.portal}
public_url = {ports.portal_url}
issuer = {ports.public_url}
client_id = demo-portal
client_secret_file = {area.secrets}/portal-client-secret
"""


def haproxy(area: Area) -> Child:
    return Child("haproxy", ["/usr/sbin/haproxy", "-db", "-f", area.etc / "haproxy.cfg"], area.log / "haproxy.log")


def portal(area: Area) -> Child:
    return Child("portal", ["/usr/bin/python3", "-B", area.tree / "tools/demo_portal/portal.py", "--config",
                            area.etc / "portal.conf"], area.log / "portal.log")


SMS = {"key_id": "demo-sms", "sign_name": "演示社保", "code": "SMS_1001", "notice": "SMS_1002"}


def sms_simulator(area: Area, ports: Ports) -> Child:
    return Child("sms-simulator",
                 ["/usr/bin/python3", "-B", area.tree / "tests/fakes/sms_simulator.py", "--port", str(ports.sms),
                  "--key-id", SMS["key_id"], "--key-secret-file", area.secrets / "sms-key", "--sign-name", SMS["sign_name"],
                  "--template", SMS["code"] + "=您正在${purpose}，验证码${code}，${minutes}分钟内有效，请勿告诉他人。",
                  "--template", SMS["notice"] + "=${when} ${what}"],
                 area.log / "sms-simulator.log")


def proofing_simulator(area: Area, ports: Ports) -> Child:
    return Child("proofing-simulator",
                 ["/usr/bin/python3", "-B", area.tree / "tests/fakes/proofing_simulator.py", "--port", str(ports.proofing),
                  "--key-id", "demo-proofing", "--secret-file", area.secrets / "proofing-key"],
                 area.log / "proofing-simulator.log")


def body_simulator(area: Area, ports: Ports) -> Child:
    return Child("body-simulator",
                 ["/usr/bin/python3", "-B", area.tree / "tests/fakes/body_simulator.py", area.body, "--port", str(ports.body)],
                 area.log / "body-simulator.log")


def proofing_conf(area: Area, ports: Ports) -> str:
    paths = {"identity": "identity", "association": "association", "social_card": "social-card", "face": "face",
             "network_id": "network-id"}
    return "".join(f"proofing.{name}_url = http://127.0.0.1:{ports.proofing}/{path}\n"
                   f"proofing.{name}_key_id = demo-proofing\n"
                   f"proofing.{name}_secret_file = {area.secrets}/proofing-key\n" for name, path in paths.items())


def signer(area: Area) -> Child:
    return Child("xinyin-signer", [area.bin / "xinyin-signer", "--config", area.etc / "signer.conf"],
                 area.log / "xinyin-signer.log")


def service(area: Area) -> Child:
    return Child("xinyind", [area.bin / "xinyind", "--config", area.etc / "xinyind.conf"], area.log / "xinyind.log",
                 stop_within_s=25)


def signer_ready(area: Area) -> str | None:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(area.sockets / "signer.sock"))
            return None
        except OSError as error:
            return f"its socket does not answer: {error.strerror}"


def signer_conf(area: Area) -> str:
    return f"""# xinyin-signer: the only process that opens the token. Every key: docs/operations.md.
profile = demonstration

token.module = {softhsm_module()}
token.label = {TOKEN_LABEL}
token.pin_file = {area.secrets}/token-pin
# Read by `xinyin-signer provision` only.
token.so_pin_file = {area.secrets}/token-so-pin
token.softhsm_conf = {area.etc}/softhsm2.conf
# Nobody writes here once the keys are made: SoftHSM rewrites its token file at every login, and a kill in
# that moment leaves an empty token. Take the permission to write away.
token.directory = {area.token}/store
token.inventory = {area.token}/inventory.json

socket.service = {area.sockets}/signer.sock
# Officers' requests and approvals; whoever may use it can do nothing alone.
socket.officer = {area.sockets}/officer.sock
officers.genesis = {area.etc}/genesis.json
officers.ledger = {area.token}/officers-ledger.jsonl
officers.backups = {area.token}/backups

oplog.file = {area.token}/operations.log
"""


def officer_conf(area: Area, ports: Ports) -> str:
    return f"""# xinyin, the officers' and administrators' command line. Every key: xinyin --print-config.
profile = demonstration
public.url = {ports.public_url}

database.service = {cluster.conninfo(area, "xinyin_service")}
database.owner = {cluster.conninfo(area, "xinyin_owner")}

signer.socket = {area.sockets}/signer.sock
signer.officer_socket = {area.sockets}/officer.sock
signer.backups = {area.token}/backups

pki.directory = {area.pki}
pki.crl_url = {ports.public_url}/v1/pki/issuing.crl
pki.ocsp_url = {ports.public_url}/v1/pki/ocsp
secrets.code_pepper = {area.secrets}/code-pepper
secrets.data_key = {area.secrets}/data-key.wrapped

agency.name = {AGENCY["name"]}
agency.code = {AGENCY["code"]}
"""


def xinyind_conf(area: Area, ports: Ports) -> str:
    return f"""# xinyind, the service. Every key: docs/config.md.
profile = demonstration
public_url = {ports.public_url}
instance = xinyind-1

http.listen = 127.0.0.1
http.port = {ports.service}
http.trusted_proxies = 127.0.0.1/32
# HAProxy notices at once that it is gone; several instances behind one proxy want seconds here.
http.drain_s = 0

database.conninfo = {cluster.conninfo(area, "xinyin_service")}

signer.socket = {area.sockets}/signer.sock
pki.directory = {area.pki}
pki.seen_lists_file = {area.home}/seen-lists.json
# Revocation lists of the certification body that is admitted here; they are fetched from its address too.
pki.body_crls = {area.body}/published
secrets.code_pepper_file = {area.secrets}/code-pepper
secrets.data_key_file = {area.secrets}/data-key.wrapped
seal.font_file = {font_file()}

# Portals on this machine hear of logouts too; a real installation refuses this.
logout.loopback_allowed = true
# The handling system of the demonstration may have notices made of the facts that it states.
documents.issuers = demo-core/acceptance-notice demo-core/refusal-notice demo-core/supplement-notice demo-core/result-notice

# A change of token keys can be watched here: nobody keeps the key set for longer. A real installation leaves an hour.
openid.publish_ahead_s = 30

agency.name = {AGENCY["name"]}
agency.code = {AGENCY["code"]}

# Certificates of the admitted body, a simulator too, prove who their holder is.
proofing.certificates = true
# A simulator: what is sent stands on its page and reaches nobody. The production profile refuses it.
{proofing_conf(area, ports)}sms.url = http://127.0.0.1:{ports.sms}/
sms.key_id = {SMS["key_id"]}
sms.key_secret_file = {area.secrets}/sms-key
sms.sign_name = {SMS["sign_name"]}
sms.code_template = {SMS["code"]}
sms.notice_template = {SMS["notice"]}
"""


# ---- the officers' acts of the first start -----------------------------------------------------------


def officer(area: Area, *arguments) -> list[str]:
    return ["--config", str(area.etc / "officer.conf"), *map(str, arguments)]


def migrate_arguments(area: Area) -> list[str]:
    return officer(area, "database", "migrate")


def provision_arguments(area: Area) -> list[str]:
    return ["provision", "--config", str(area.etc / "signer.conf"), "--plan", str(area.etc / "key-plan.json")]


def cards(area: Area) -> list:
    return [argument for person in officers(area) for argument in ("--card", area.officers / f"{person['id']}.conf")]


def founding_steps(area: Area) -> list[list[str]]:
    """Each officer's card, and the founding file that all of them sign."""
    made = [officer(area, "card", "create", "--card", area.officers / f"{person['id']}.conf", "--name", person["person"],
                    "--person", person["id"], "--so-pin-file", area.officers / f"{person['id']}.so-pin")
            for person in officers(area)]
    return [*made, officer(area, "ceremony", "found", area.tree / PLAN, *cards(area), "--out", area.etc / "genesis.json")]


def ceremony_steps(area: Area, ports: Ports) -> list[list[str]]:
    digest = hashlib.sha256((area.tree / PLAN).read_bytes()).hexdigest()
    return [officer(area, "ceremony", "run", area.tree / PLAN, *cards(area), "--confirm-plan", digest),
            officer(area, "secrets", "create")]


def renew_lists_arguments(area: Area) -> list[str]:
    """Revocation lists and the trust list, when the present ones are a day old."""
    return officer(area, "trust", "publish", "--if-older-than-hours", 24)


def seed(area: Area, ports: Ports, tool: Callable) -> None:
    """The demonstration's people, unit and clients; safe to repeat when the ports moved."""
    test = f"{ports.portal_url}/scripts"  # nobody listens there: scripts read the address they are sent to
    tool(*officer(area, "demo", "seed", "--out", area.demo / "seed.json",
                  "--portal-secret", area.secrets / "portal-client-secret",
                  "--portal-redirect", f"{ports.portal_url}/callback", "--portal-after-logout", f"{ports.portal_url}/",
                  "--test-redirect", f"{test}/callback", "--test-after-logout", f"{test}/logged-out"))


def seeded(area: Area) -> dict:
    return json.loads((area.demo / "seed.json").read_text())


def write_try_this(area: Area, ports: Ports, shown_as: str) -> None:
    """For scripts try-this.json, for people try-this.txt."""
    seed_of = seeded(area)
    made = json.loads((area.demo / "sample.json").read_text())
    code = made["code"].replace("-", "")
    person, client = seed_of["person"], seed_of["test_client"]
    kept = {
        "issuer": ports.public_url,
        "portal_url": ports.portal_url,
        "sms_url": f"http://127.0.0.1:{ports.sms}/",
        "body_url": f"http://127.0.0.1:{ports.body}",
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "redirect_uri": client["redirect_uri"],
        "core_client_id": seed_of["core_client"]["client_id"],
        "core_client_secret": seed_of["core_client"]["client_secret"],
        "post_logout_redirect_uri": f"{ports.portal_url}/scripts/logged-out",
        "username": person["username"],
        "password": person["password"],
        "name": person["name"],
        "id_number": person["id_number"],
        "unit_username": seed_of["unit"]["username"],
        "unit_name": seed_of["unit"].get("name", ""),
        "unit_number": seed_of["unit"].get("id_number", ""),
        "unit_password": seed_of["unit"]["password"],
        "sample_pdf": str(area.demo / "sample.pdf"),
        "sample_document": made["id"],
        "sample_code": made["code"],
        "sample_verify_address": f"{ports.public_url}/v/{code}",
        "trust_list": str(area.pki / "trust-list.jws"),
        "root_certificate": str(area.pki / "root.pem"),
        "service_config": str(area.etc / "xinyind.conf"),
        "signer_config": str(area.etc / "signer.conf"),
        "officer_config": str(area.etc / "officer.conf"),
        "officer_cards": [str(area.officers / f"{person['id']}.conf") for person in officers(area)],
        "programs": str(area.bin),
        "database_superuser": cluster.conninfo(area, "postgres"),
        "logs": str(area.log),
    }
    write(area.demo / "try-this.json", json.dumps(kept, ensure_ascii=False, indent=2) + "\n")
    write(area.demo / "try-this.txt", f"""
  Xinyin 信印 is running. Try this:

    portal       {ports.portal_url}   log in, obtain a certificate, download it
    log in as    {person["username"]}   password  {person["password"]}   ({person["name"]})
    a unit       {seed_of["unit"]["username"]}   password  {seed_of["unit"]["password"]}
    verify       {kept["sample_verify_address"]}
    or any code  {ports.public_url}
    telephone    http://127.0.0.1:{ports.sms}/   a simulator: text messages that the service sends
    certificate  http://127.0.0.1:{ports.body}/   a simulator: a certification body, admitted here, issues one to log in with

    a sealed sample   {shown_as}/demo/sample.pdf
    judge it offline  {area.bin}/xinyin-verify {shown_as}/demo/sample.pdf --trust {shown_as}/pki/trust-list.jws
    for scripts       {shown_as}/demo/try-this.json
    configuration     {shown_as}/etc        logs  {shown_as}/log
""")
