"""Bad input through the front door: 4xx with a problem body or a closed connection, and service goes on."""

import json
import resource
import socket
import struct
import threading
import urllib.parse

from journey import ISSUER, TRY, Journey, ask, eventually, log_in, main, ready

HOST = urllib.parse.urlsplit(ISSUER).netloc
ADDRESS = ("127.0.0.1", int(HOST.rsplit(":", 1)[1]))


def raw(data: bytes, wait_s: float = 15) -> bytes:
    with socket.create_connection(ADDRESS, wait_s) as door:
        door.sendall(data)
        answer = b""
        try:
            while chunk := door.recv(65_536):
                answer += chunk
        except (TimeoutError, ConnectionError):
            pass
        return answer


def status_of(answer: bytes) -> int | None:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else None


def request(method="GET", path="/health/live", headers=(), body=b"", version="HTTP/1.1", host=HOST) -> bytes:
    lines = [f"{method} {path} {version}", f"Host: {host}", "Connection: close", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class HostilityJourney(Journey):
    def tearDown(self):
        self.assertTrue(ready(), "the service is not ready any more")

    def refused(self, data: bytes, why: str, allowed=range(400, 500)):
        answer = raw(data)
        status = status_of(answer)
        self.assertTrue(status is None or status in allowed, f"{why}: {answer[:300]!r}")
        self.assertNotIn(b"terminate called", answer)
        head, _, body = answer.partition(b"\r\n\r\n")
        # What HAProxy's parser cannot read at all, HAProxy answers with its fixed page; all else is a problem.
        if status is not None and status >= 400 and body and b"Your browser sent an invalid request" not in body:
            self.assertRegex(head.lower(), rb"content-type: application/(problem\+)?json", f"{why}: no problem body")
        for word in (b".cpp", b"Exception", b"stack", b"0x7f"):
            self.assertNotIn(word, answer, why)
        return answer

    def test_the_plain_request_works(self):
        self.assertEqual(status_of(raw(request())), 200)

    def test_heads_that_are_not_http(self):
        for why, data in {
            "garbage": bytes(range(1, 200)) + b"\r\n\r\n",
            "HTTP/0.9": b"GET /\r\n",
            "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500,
            "no method": b" / HTTP/1.1\r\nHost: x\r\n\r\n",
            "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "version 3": request(version="HTTP/3.0"),
            "NUL in the path": request(path="/v/\0"),
            "NUL in a value": request(headers=["X-A: a\0b"]),
            "space in a name": request(headers=["X A: b"]),
            "space before the colon": request(headers=["Content-Length : 3"], body=b"abc", method="POST"),
            "folded field": b"GET / HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\nX-A: b\r\n c\r\nConnection: close\r\n\r\n",
            "no Host": b"GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n",
            "two Hosts": request(headers=["Host: other"]),
            "foreign Host": request(host="evil.example"),
            "too many fields": request(headers=[f"X-{n}: y" for n in range(3000)]),
            "one long field": request(headers=["X-A: " + "y" * 100_000]),
            "long path": request(path="/v/" + "A" * 60_000),
        }.items():
            with self.subTest(why):
                # HAProxy joins folded fields to one line; then it is an ordinary request.
                self.refused(data, why, range(200, 506) if why == "folded field" else [*range(400, 500), 501, 505])

    def test_bodies_framed_two_ways(self):
        for why, data in {
            "both": request("POST", "/oauth/token", ["Content-Length: 5", "Transfer-Encoding: chunked"], b"0\r\n\r\nGET /x"),
            "two lengths": request("POST", "/oauth/token", ["Content-Length: 5", "Content-Length: 6"], b"abcdef"),
            "signed length": request("POST", "/oauth/token", ["Content-Length: +5"], b"abcde"),
            "negative length": request("POST", "/oauth/token", ["Content-Length: -5"], b"abcde"),
            "huge length": request("POST", "/oauth/token", ["Content-Length: 99999999999999999999"], b"abcde"),
            "unknown coding": request("POST", "/oauth/token", ["Transfer-Encoding: xchunked"], b"abcde"),
            "bad chunk size": request("POST", "/oauth/token", ["Transfer-Encoding: chunked"], b"zz\r\nabc\r\n0\r\n\r\n"),
            "chunk overflow": request("POST", "/oauth/token", ["Transfer-Encoding: chunked"], b"ffffffffffffffffff\r\nabc\r\n"),
        }.items():
            with self.subTest(why):
                answer = self.refused(data, why, [*range(400, 500), 501])
                self.assertLessEqual(answer.count(b"HTTP/1.1 "), 1, "two answers to one request")

    def test_problems_are_told_as_problems(self):
        token = log_in()
        bearer = {"Authorization": f"Bearer {token}", "Idempotency_Key": "8f6e0bb0-7d0a-4b0b-9f3b-000000000001"}
        issue = "/v1/documents/enrolment-certificate"
        for why, status, arguments in [
            ("no such address", 404, ("GET", "/nothing/here")),
            ("wrong method", 405, ("DELETE", "/v1/documents")),
            ("no token", 401, ("GET", "/v1/documents")),
            ("no body type", 415, ("POST", issue, b"{}", bearer | {"Content_Type": "text/plain"})),
            ("not JSON", 400, ("POST", issue, b"{", bearer | {"Content_Type": "application/json"})),
            ("member twice", 400, ("POST", issue, b'{"a":1,"a":2}', bearer | {"Content_Type": "application/json"})),
            ("too deep", 400, ("POST", issue, b"[" * 5000 + b"]" * 5000, bearer | {"Content_Type": "application/json"})),
            ("not UTF-8", 400, ("POST", issue, b'{"a":"\xff\xfe"}', bearer | {"Content_Type": "application/json"})),
            ("unknown member", 400, ("POST", issue, b'{"surprise":1}', bearer | {"Content_Type": "application/json"})),
            ("too large", 413, ("POST", issue, b'"' + b"x" * 3_000_000 + b'"', bearer | {"Content_Type": "application/json"})),
            ("foreign document", 404, ("GET", "/v1/documents/00000000-0000-4000-8000-000000000000", None, bearer)),
            ("odd document", 404, ("GET", "/v1/documents/" + "%27%20or%201%3D1", None, bearer)),
            ("dot segments", 400, ("GET", "/static/%2e%2e/%2e%2e/etc/passwd")),
            ("bad escape", 400, ("GET", "/v/%zz")),
        ]:
            with self.subTest(why):
                method, path, *more = arguments
                body = more[0] if more else None
                headers = more[1] if len(more) > 1 else {}
                got, fields, text = ask(method, path, body, **{"Accept": "application/json", **headers})
                self.assertIn(got, (status, 400, 404) if why in ("odd document", "dot segments") else (status,), text[:300])
                self.assertEqual(fields.get_content_type(), "application/problem+json", why)
                problem = json.loads(text)
                self.assertEqual(problem["status"], got)
                self.assertTrue(problem["title"])
        # an idempotency key is part of the request
        got, fields, text = ask("POST", issue, b"{}", Authorization=f"Bearer {token}", Content_Type="application/json")
        self.assertEqual(got, 400, text)

    def test_header_values_never_split_an_answer(self):
        for value in ("%0d%0aSet-Cookie:%20a=b", "%0aX-Evil:%20yes", "%e5%98%8a%e5%98%8dX-Evil:yes"):
            for path in (f"/v/{value}", f"/login?return_to=/{value}", f"/oauth/authorize?client_id={value}",
                         f"/oauth/logout?post_logout_redirect_uri={value}&state={value}"):
                answer = raw(request(path=path))
                head = answer.split(b"\r\n\r\n", 1)[0].lower()
                self.assertNotIn(b"\r\nx-evil", head)
                self.assertNotIn(b"\r\nset-cookie: a=b", head)

    def test_open_redirects_are_refused(self):
        for target in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"):
            status, fields, _ = ask("GET", "/login?return_to=" + urllib.parse.quote(target))
            self.assertNotIn("evil.example", fields.get("Location", ""))

    def test_forms_from_elsewhere_are_refused(self):
        body = urllib.parse.urlencode({"login_name": TRY["username"], "password": TRY["password"]}).encode()
        for headers in ({"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "cross-site"}, {}):
            status, _, _ = ask("POST", "/login", body, Content_Type="application/x-www-form-urlencoded", **headers)
            self.assertIn(status, (400, 403))

    def test_slow_and_silent_connections_cost_nothing(self):
        # A login's soft limit of open files is 1024; what it may be raised to is the system's to say.
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
        doors = []
        try:
            for number in range(2000):
                door = socket.create_connection(ADDRESS, 5)
                if number % 2:
                    door.sendall(b"GET / HTTP/1.1\r\nHost: ")  # and never the rest
                doors.append(door)
            for _ in range(20):
                self.assertEqual(status_of(raw(request(), 10)), 200)
        finally:
            for door in doors:
                door.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                door.close()

    def test_aborted_requests_leave_nothing_behind(self):
        def abort():
            with socket.create_connection(ADDRESS, 5) as door:
                door.sendall(request("POST", "/oauth/token", ["Content-Length: 1000",
                                                        "Content-Type: application/x-www-form-urlencoded"], b"x" * 10))
                door.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        threads = [threading.Thread(target=abort) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        eventually(ready)


if __name__ == "__main__":
    main()
