"""The same rows with a million rows in each table, against small tables; and every statement's plan in between."""

import json
import re
import time
from pathlib import Path

import compare
import load
from ours import CHEAP, Ours

# What makes a copy of a real row another row. `i` counts; the copies belong to copied subjects.
SUBJECT = "md5('bench ' || i)"
DIGEST = "encode(sha256(convert_to('{what} ' || i, 'UTF8')), 'hex')"


def digest(what: str) -> str:
    return r"'\x' || " + DIGEST.format(what=what)


TABLES = {
    "subject": {"id": SUBJECT, "id_lookup": digest("number")},
    "account": {"subject_id": SUBJECT, "login_name": "'load.' || i"},
    "credential": {"subject_id": SUBJECT},
    "identity_document": {"id": "md5('document ' || i)", "subject_id": SUBJECT, "lookup": digest("number")},
    "session": {"cookie_digest": digest("cookie"), "id": "md5('session ' || i)", "subject_id": SUBJECT},
    "consent": {"subject_id": SUBJECT},
    "known_network": {"account": digest("account")},
    "login_failure": {"key": digest("key")},
    "authorization_grant": {"id": "md5('grant ' || i)", "code_digest": digest("code"), "subject_id": SUBJECT,
                            "session_id": "md5('session ' || i)"},
    "refresh_token": {"digest": digest("refresh"), "grant_id": "md5('grant ' || i)"},
    "spent_jti": {"digest": digest("jti")},
    "revoked_token": {"digest": digest("token")},
}


def fill(ours: Ours, rows: int) -> None:
    """Copies of a row of each table, all but what must differ; of a table that is empty, nothing."""
    for table, changed in TABLES.items():
        if ours.sql(f"select count(*) from (select 1 from auth.{table} limit 1) any_row") == "0":
            print(f"  auth.{table} is empty and stays so")
            continue
        pairs = ", ".join(f"'{column}', {value}" for column, value in changed.items())
        begun = time.monotonic()
        ours.sql(f"""set session_replication_role = replica;
            insert into auth.{table} select copy.* from auth.{table} r, generate_series(1, {rows}) i,
              lateral jsonb_populate_record(r, jsonb_build_object({pairs})) copy
             where r.ctid = (select ctid from auth.{table} limit 1);""")
        ours.sql(f"vacuum (analyze) auth.{table}")
        size = ours.sql(f"select pg_size_pretty(pg_total_relation_size('auth.{table}'))")
        print(f"  auth.{table}: {rows} rows more, {size}, {time.monotonic() - begun:.0f} s", flush=True)
    ours.sql("checkpoint")


class Plans:
    """The plan of each statement of the service, from the server's log, by PostgreSQL's auto_explain."""

    def __init__(self, ours: Ours):
        self.ours, self.log = ours, ours.var / "log" / "postgres.log"
        for setting in ("session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0",
                        "auto_explain.log_format = 'json'", "auto_explain.log_analyze = on",
                        "auto_explain.log_timing = off"):
            ours.sql(f"alter role xinyin_service set {setting}")
        ours.configure(CHEAP)
        self.from_byte = self.log.stat().st_size

    def stop(self) -> None:
        self.ours.sql("alter role xinyin_service reset all")
        self.ours.configure(CHEAP)

    def seen(self) -> dict[str, tuple[int, list[dict]]]:
        """Statement -> how often, and the nodes of its plan the last time."""
        time.sleep(0.5)
        with open(self.log, "rb") as file:
            file.seek(self.from_byte)
            text = file.read().decode()
        self.from_byte += len(text.encode())
        out: dict[str, tuple[int, list[dict]]] = {}
        for found in re.finditer(r"plan:\n((?:\t.*\n)+)", text):
            told = json.loads(re.sub(r"(?m)^\t", "", found.group(1)))
            statement = " ".join(told["Query Text"].split())
            nodes, waiting = [], [told["Plan"]]
            while waiting:
                node = waiting.pop()
                nodes.append(node)
                waiting += node.get("Plans", [])
            out[statement] = (out.get(statement, (0,))[0] + 1, nodes)
        return out


def judge(ours: Ours, statements: dict) -> list[str]:
    """Statements that read a big table from end to end, or touch many rows of it for one."""
    big = {line.split("|")[0]: float(line.split("|")[1]) for line in ours.sql(
        "select relname, reltuples from pg_class c join pg_namespace n on n.oid = relnamespace "
        "where nspname = 'auth' and relkind = 'r' and reltuples > 1000").splitlines()}
    out = []
    for statement, (times, nodes) in statements.items():
        for node in nodes:
            table = node.get("Relation Name")
            if table in big and (node["Node Type"] == "Seq Scan" or node.get("Rows Removed by Filter", 0) > 100):
                out.append(f"{node['Node Type']} on {table}, {times} times: {statement[:140]}")
    return out


def main(binaries: Path, state: Path, rows: int, connections: int, seconds: float) -> int:
    ours = Ours(binaries, state, CHEAP)
    try:
        # A row of each kind to copy: a grant that outlives its session has refresh tokens.
        plain, ours.scope = ours.scope, "openid profile offline_access"
        ours.login(ours.visitor(0))
        ours.scope = plain
        small = compare.run_rows([ours], compare.ROWS, connections, seconds, 3)
        print(f"\n{rows} rows into each table")
        fill(ours, rows)
        large = compare.run_rows([ours], compare.ROWS, connections, seconds, 3)
        print("\nCPU an operation, small tables : large tables")
        for row in compare.ROWS:
            a, b = small[row][ours.name], large[row][ours.name]
            print(f"  {compare.TITLES[row]:42} {1e3 / a.per_cpu_s:8.3f} : {1e3 / b.per_cpu_s:.3f} ms   "
                  f"{a.per_cpu_s / b.per_cpu_s:.2f} times")
        plans, wrong = Plans(ours), []
        print("\nstatements an operation, and plans that read more than they should")
        for row in compare.ROWS:
            plans.seen()
            if row in ("login", "sso"):
                visitor = compare.logged_in(ours)(1)
                plans.seen()
                (ours.login if row == "login" else ours.sso)(visitor)
                count = 1
            else:
                requests = getattr(ours, row)()
                plans.seen()
                count = load.wrk(ours.port, requests, ours.pids, 1, 1).done
            statements = plans.seen()
            bad = judge(ours, statements)
            wrong += bad
            print(f"  {compare.TITLES[row]:42} {sum(n for n, _ in statements.values()) / count:5.1f} a time, "
                  f"{len(statements)} kinds" + "".join(f"\n    {line}" for line in bad), flush=True)
        plans.stop()
        print(f"{len(wrong)} statements without an index that serves them")
    finally:
        ours.stop()
    return 1 if wrong else 0
