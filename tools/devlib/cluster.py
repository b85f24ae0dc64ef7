"""The private PostgreSQL of a demonstration: one cluster, reached over a Unix socket only, no passwords.

The server believes the operating system who we are (peer) and lets that one account act as our roles.
"""

import os
import signal
import subprocess
from pathlib import Path

from children import Child
from layout import Area
from show import Failure, run_logged

ROLES = ["xinyin_owner", "xinyin_service", "xinyin_verifier"]
DATABASE = "xinyin"


def binaries() -> Path:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    if not versions:
        raise Failure("PostgreSQL's server programs are missing. Mend it with: apt-get install postgresql")
    return versions[-1].parent


def settings(area: Area) -> str:
    return f"""# Written by tools/dev. A private server for the demonstration; a real installation brings its own.
listen_addresses = ''
unix_socket_directories = '{area.sockets}'
unix_socket_permissions = 0700
max_connections = 60
shared_buffers = 64MB
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
# A failing statement's text may hold personal data: log the error, not the statement.
log_min_error_statement = panic
log_parameter_max_length_on_error = 0
log_error_verbosity = terse
"""


def make(area: Area) -> None:
    run_logged(None, [binaries() / "initdb", "--pgdata", area.postgres, "--username=postgres", "--auth=peer",
                      "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-instructions"],
               str(area.log / "setup.log"))


def configure(area: Area) -> None:
    me = os.popen("id -un").read().strip()
    (area.postgres / "conf.d").mkdir(exist_ok=True)
    (area.postgres / "conf.d" / "xinyin.conf").write_text(settings(area))
    main = area.postgres / "postgresql.conf"
    if "include_dir = 'conf.d'" not in main.read_text().split("\n# xinyin", 1)[-1]:
        with open(main, "a") as file:
            file.write("\n# xinyin\ninclude_dir = 'conf.d'\n")
    (area.postgres / "pg_hba.conf").write_text("# Written by tools/dev.\nlocal all all peer map=demo\n")
    (area.postgres / "pg_ident.conf").write_text(
        "# Written by tools/dev: this operating system account may act as these roles.\n"
        + "".join(f"demo {me} {role}\n" for role in ["postgres", *ROLES]))


def child(area: Area) -> Child:
    return Child("postgres", [binaries() / "postgres", "-D", area.postgres], area.log / "postgres.log",
                 stop_signal=signal.SIGINT, stop_within_s=20)  # SIGINT: "fast" shutdown


def conninfo(area: Area, role: str, database: str = DATABASE) -> str:
    return f"host={area.sockets} dbname={database} user={role}"


def psql(area: Area, sql: str, database: str = "postgres") -> str:
    done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                           conninfo(area, "postgres", database)], input=sql, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"PostgreSQL refused: {done.stderr.strip()}")
    return done.stdout.strip()


def ready(area: Area) -> str | None:
    done = subprocess.run([binaries() / "pg_isready", "-q", "-h", area.sockets, "-U", "postgres"])
    return None if done.returncode == 0 else "it does not accept connections yet"


def ensure_database(area: Area) -> None:
    """The three roles and the database, as docs/operations.md tells an operator to make them."""
    psql(area, (area.tree / "store" / "roles.sql").read_text())
    if psql(area, f"select 1 from pg_database where datname = '{DATABASE}'") != "1":
        psql(area, f"create database {DATABASE} owner xinyin_owner encoding 'UTF8' template template0;")
        psql(area, f"revoke all on database {DATABASE} from public;"
                   f"grant connect on database {DATABASE} to xinyin_service, xinyin_verifier;"
                   f"revoke create on schema public from public;", DATABASE)
