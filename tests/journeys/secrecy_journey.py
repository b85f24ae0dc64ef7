"""Neither a dump of the database nor the logs hold what must not be read there (LD/T 01-2020 6.4.3)."""

import os
from pathlib import Path

from journey import SCOPES, TRY, VAR, Journey, ask, as_stack, browse, client, code_of, issue, log_in, main


class SecrecyJourney(Journey):
    @classmethod
    def setUpClass(cls):
        cls.token = log_in()
        made = issue(cls.token)
        ask("GET", f"/v/{code_of(made['code'])}")
        ask("GET", f"/v1/verify/{code_of(made['code'])}?x=1")
        wrong = "a-wrong-password-canary-7431"
        try:
            browse.log_in(TRY["issuer"], client(), TRY["username"], wrong, SCOPES)
        except browse.Failure:
            pass
        cls.canaries = {
            "the person's number": TRY["id_number"],
            "the person's password": TRY["password"],
            "a wrong password": wrong,
            "the client's secret": TRY["client_secret"],
            "an access token": cls.token,
            "an access token's signature": cls.token.rsplit(".", 1)[-1],
            "a fresh code": code_of(made["code"]),
            "a fresh code with hyphens": made["code"],
            "the sample's code": code_of(TRY["sample_code"]),
        }
        for name in os.listdir(VAR / "etc" / "secrets"):
            content = (VAR / "etc" / "secrets" / name).read_bytes().strip()
            if 4 <= len(content) < 400:
                cls.canaries[f"the secret {name}"] = content.decode("latin-1")

    def look(self, where: str, data: bytes) -> None:
        for what, canary in self.canaries.items():
            self.assertNotIn(canary.encode("latin-1"), data, f"{what} stands in {where}")

    def test_the_dump(self):
        dump = as_stack("pg_dump", "--dbname", TRY["database_superuser"], "--inserts").stdout.encode()
        self.assertIn(b"CREATE TABLE", dump)
        self.look("the dump", dump)
        # bytea is dumped as hex: the same canaries in that spelling
        for what, canary in self.canaries.items():
            self.assertNotIn(canary.encode("latin-1").hex().encode(), dump, f"{what} stands in the dump as bytes")

    def test_the_files_of_the_database(self):
        for path in (VAR / "postgres").rglob("*"):
            if path.is_file() and path.stat().st_size:
                self.look(str(path), path.read_bytes())

    def test_the_logs(self):
        logs = list((VAR / "log").glob("*.log"))
        self.assertTrue(logs)
        for path in logs:
            self.look(str(path), path.read_bytes())

    def test_command_lines_and_environments(self):
        owner = VAR.stat().st_uid
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if entry.stat().st_uid != owner:
                    continue
                self.look(f"{entry}/cmdline", (entry / "cmdline").read_bytes())
                if os.geteuid() == 0 or owner == os.getuid():
                    self.look(f"{entry}/environ", (entry / "environ").read_bytes())
            except OSError:
                continue


if __name__ == "__main__":
    main()
