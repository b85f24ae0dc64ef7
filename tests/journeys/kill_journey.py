"""kill -9 of xinyind at any step of issuing (LD/T 01-2020 5.4.2.4, 6.4.5b).

Whatever the moment: no document is out without its register row and audit row, nothing is called issued
without its document, a restart settles every intent, and asking again with the same key gives one document.
"""

import hashlib
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
import uuid

import restart_journey
from journey import CHECKOUT, TRY, VAR, Journey, eventually, fetch, log_in, main, ready, sql, start_issuing

INVARIANTS = {
    "a document without its register row":
        "select d.id from seal.document d left join verify.document v on v.id = d.id where v.id is null "
        "or v.file_sha256 <> d.sha256",
    "a register row without its document":
        "select v.id from verify.document v left join seal.document d on d.id = v.id where d.id is null",
    "an issued intent without its document":
        "select i.id from seal.intent i left join seal.document d on d.id = i.document "
        "where i.state = 'issued' and d.id is null",
    "a document without its intent":
        "select d.id from seal.document d left join seal.intent i on i.document = d.id and i.state = 'issued' "
        "where i.id is null",
    "a document without its audit row":
        "select d.id from seal.document d where not exists (select from audit.entry a "
        "where a.act = 'document.issue' and a.object = d.id and a.outcome = 'ok')",
    "a request that was answered with two documents":
        "select max(id) from seal.intent where state = 'issued' group by subject, request having count(*) > 1",
}


def fail_points() -> list[str]:
    found = set()
    for file in (CHECKOUT / "seal").rglob("*.cpp"):
        found.update(re.findall(r'fail_point\("(seal\.[^"]+)"\)', file.read_text()))  # of issuing
    return sorted(found)


class Instance:
    """A further xinyind of our own beside the stack's, killed by itself at a named step."""

    def __init__(self, name: str, fail_point: str = ""):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        text = (VAR / "etc" / "xinyind.conf").read_text()
        text = re.sub(r"(?m)^http\.port = .*$", f"http.port = {self.port}", text)
        text = re.sub(r"(?m)^instance = .*$", f"instance = {name}", text)
        if fail_point:
            text += f"\ntesting.fail_point = {fail_point}\n"
        self.config = VAR / "etc" / f"{name}.conf"
        self.config.write_text(text)
        owner = VAR.stat()
        if os.geteuid() == 0:
            os.chown(self.config, owner.st_uid, owner.st_gid)
        command = [TRY["programs"] + "/xinyind", "--config", str(self.config)]
        if os.geteuid() == 0 and owner.st_uid != 0:
            command = ["/usr/bin/setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups",
                       "--", *command]
        self.log = open(VAR / "log" / f"{name}.log", "ab")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd="/")
        eventually(self.ready, 20, f"{name} is ready")

    def ask(self, method: str, path: str, body: bytes | None = None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"xinyind ended with {self.process.returncode}; see {self.log.name}")
        try:
            return self.ask("GET", "/health/ready")[0] == 200
        except OSError:
            return False

    def issue(self, token: str, key: str):
        return self.ask("POST", "/v1/documents/enrolment-certificate", b"{}", Authorization=f"Bearer {token}",
                        Content_Type="application/json", Idempotency_Key=key)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(40)
        self.log.close()
        self.config.unlink(missing_ok=True)


class KillJourney(Journey):
    def invariants(self, when: str) -> None:
        for what, query in INVARIANTS.items():
            self.assertEqual(sql(query), [], f"{when}: {what}")

    def settled(self) -> bool:
        return sql("select count(*) from seal.intent where state = 'open'") == [["0"]]

    def registered(self, made: dict, pdf: bytes) -> None:
        rows = sql(f"select encode(file_sha256, 'hex'), file_bytes from verify.document where id = '{made['id']}'")
        self.assertEqual(rows, [[hashlib.sha256(pdf).hexdigest(), str(len(pdf))]])

    def test_every_named_step(self):
        points = fail_points()
        self.assertGreaterEqual(len(points), 5, "the fail points of seal/ are gone")
        token = log_in()
        for point in points:
            with self.subTest(point):
                key = str(uuid.uuid4())
                before = int(sql("select count(*) from seal.document")[0][0])
                instance = Instance("killed", point)
                with self.assertRaises((OSError, http.client.HTTPException), msg="an answer came out"):
                    instance.issue(token, key)
                self.assertEqual(instance.process.wait(10), -signal.SIGKILL, point)
                instance.stop()
                self.invariants(f"after {point}")
                made_before_death = int(sql("select count(*) from seal.document")[0][0]) - before
                self.assertEqual(made_before_death, 1 if point.endswith("after_commit") else 0, point)
                again = Instance("killed")
                try:
                    eventually(self.settled, 30, f"intents are settled after {point}")
                    status, body = again.issue(token, key)
                    self.assertEqual(status, 201, body)
                    made = json.loads(body)
                    self.registered(made, fetch(token, made["id"]))
                    self.assertEqual(int(sql("select count(*) from seal.document")[0][0]), before + 1)
                finally:
                    again.stop()
                self.invariants(f"after settling {point}")

    def test_any_moment(self):
        token = log_in()
        chance = random.Random()
        released, unsure, stopped = [], [], threading.Event()

        def issuing():
            while not stopped.is_set():
                key = str(uuid.uuid4())
                try:
                    status, _, body = start_issuing(token, key)
                except Exception:  # the connection died under it
                    status = 0
                if status == 201:
                    released.append((key, json.loads(body)))
                elif status in (0, 502):
                    unsure.append(key)
                else:
                    time.sleep(0.02)  # not a wait: do not spin while it is down

        workers = [threading.Thread(target=issuing) for _ in range(3)]
        for worker in workers:
            worker.start()
        kills = 0
        try:
            while kills < 12:
                eventually(lambda: len(released) > kills * 2, 60, "documents are issued")
                time.sleep(chance.uniform(0, 0.2))  # not a wait: the moment of the kill is random
                for pid in restart_journey.processes("xinyind"):
                    os.kill(pid, signal.SIGKILL)
                kills += 1
                eventually(ready, 30, f"ready after kill {kills}")
        finally:
            stopped.set()
            for worker in workers:
                worker.join()
        print(f"\n{kills} kills, {len(released)} released, {len(unsure)} unsure")
        eventually(self.settled, 60, "every intent is settled")
        self.invariants("after the kills")
        for _, made in chance.sample(released, min(30, len(released))):
            self.registered(made, fetch(token, made["id"]))
        known = {row[0] for row in sql("select id from verify.document")}
        self.assertLessEqual({made["id"] for _, made in released}, known)
        for key in unsure[:10]:
            status, _, body = start_issuing(token, key)
            self.assertEqual(status, 201, body)
            _, _, twice = start_issuing(token, key)
            self.assertEqual(json.loads(twice)["id"], json.loads(body)["id"])
        self.invariants("after asking again")


if __name__ == "__main__":
    main()
