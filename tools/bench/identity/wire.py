"""An HTTP client that costs as little as it can: it shares the machine with the server that it measures.

One keep-alive connection, blocking, HTTP/1.1; it reads what it needs to know of an answer and nothing else.
"""

import html
import re
import socket
from urllib.parse import quote, urlencode

DEADLINE_S = 30


class Broken(Exception):
    """A flow that did not end as it should."""


class Answer:
    __slots__ = ("status", "head", "body")

    def __init__(self, status: int, head: bytes, body: bytes):
        self.status, self.head, self.body = status, head, body

    def header(self, name: str) -> str:
        """The first header of this name, empty when there is none."""
        found = re.search(rb"(?im)^" + name.encode() + rb":[ \t]*([^\r\n]*)", self.head)
        return found.group(1).decode("latin-1") if found else ""

    @property
    def location(self) -> str:
        return self.header("location")

    def field(self, name: str) -> str:
        """The value of a form's hidden input."""
        found = re.search(rb'name="' + name.encode() + rb'" value="([^"]*)"', self.body)
        if not found:
            raise Broken(f"a page without {name} ({self.status})")
        return html.unescape(found.group(1).decode())


class Connection:
    def __init__(self, host: str, port: int, origin: str | None = None):
        self.address = (host, port)
        self.origin = origin or f"http://{host}:{port}"
        self.browser = True  # says where its forms come from
        self.always: list[str] = []  # header lines of every request
        self.cookies: dict[bytes, bytes] = {}
        self._socket: socket.socket | None = None
        self._rest = b""

    def close(self) -> None:
        if self._socket:
            self._socket.close()
        self._socket, self._rest = None, b""

    def ask(self, method: str, target: str, body: bytes = b"", headers: list[str] = ()) -> Answer:
        if target.startswith("http"):
            target = "/" + target.split("/", 3)[3]
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.origin.split('//')[1]}", *self.always, *headers]
        if self.cookies:
            lines.append("Cookie: " + b"; ".join(k + b"=" + v for k, v in self.cookies.items()).decode())
        if body or method in ("POST", "PUT"):
            lines.append(f"Content-Length: {len(body)}")
        raw = ("\r\n".join(lines) + "\r\n\r\n").encode() + body
        for tries_left in (1, 0):
            fresh = self._socket is None
            try:
                if fresh:
                    self._socket = socket.create_connection(self.address, DEADLINE_S)
                    self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._socket.sendall(raw)
                return self._read()
            except (ConnectionError, EOFError):  # an idle connection may be closed under us
                self.close()
                if fresh or not tries_left:
                    raise Broken("the connection broke") from None
            except TimeoutError:
                self.close()
                raise Broken(f"no answer within {DEADLINE_S} s") from None
        raise AssertionError

    def form(self, target: str, fields: dict, headers: list[str] = ()) -> Answer:
        own = [f"Origin: {self.origin}", "Sec-Fetch-Site: same-origin"] if self.browser else []
        return self.ask("POST", target, urlencode(fields).encode(),
                        ["Content-Type: application/x-www-form-urlencoded", *own, *headers])

    def _more(self) -> None:
        got = self._socket.recv(262_144)
        if not got:
            raise EOFError
        self._rest += got

    def _take(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._more()
        out, self._rest = self._rest[:size], self._rest[size:]
        return out

    def _line(self) -> bytes:
        while b"\r\n" not in self._rest:
            self._more()
        line, self._rest = self._rest.split(b"\r\n", 1)
        return line

    def _read(self) -> Answer:
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, self._rest = self._rest.split(b"\r\n\r\n", 1)
        status = int(head[9:12])
        low = head.lower()
        for line in re.findall(rb"(?im)^set-cookie:[ \t]*([^\r\n]*)", head):
            name, _, value = line.split(b";")[0].partition(b"=")
            if value and not re.search(rb"(?i)max-age=0|expires=thu, 01 jan 1970", line):
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        if b"\r\ntransfer-encoding: chunked" in low:
            body = b""
            while size := int(self._line().split(b";")[0], 16):
                body += self._take(size)
                self._line()
            self._line()
        else:
            length = re.search(rb"\r\ncontent-length: *(\d+)", low)
            body = self._take(int(length.group(1))) if length and status not in (204, 304) else b""
        if b"\r\nconnection: close" in low:
            self.close()
        return Answer(status, head, body)


def basic(client: str, secret: str) -> str:
    """RFC 6749 §2.3.1: both parts percent-encoded first."""
    import base64
    pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
    return "Authorization: Basic " + base64.b64encode(pair.encode()).decode()
