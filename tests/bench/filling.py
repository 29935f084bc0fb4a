"""A long history, made in a few minutes: jobs and ten times as many events, as if they had happened.

SQLite makes the rows, from templates that have the form of real records; a sample of them is read back as the daemon
reads it, and must have the columns that the daemon would have written. The file is kept below /tmp for the next run.
"""

import contextlib
import fcntl
import math
import os
import random
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from jobd.core.filters import folded_text
from jobd.daemon.storage import database, migration, opening, rows, settling

#: How many jobs; JOBD_BENCH_JOBS says another number.
JOBS = int(os.environ.get("JOBD_BENCH_JOBS", "1000000"))
EVENTS_EACH = 10
#: Seconds between two jobs, and when the first was made, in microseconds since 1970.
EVERY, BEGIN = 30, 1_760_000_000_000_000

NAMES = 200
WORDS = (
    "backup encode deploy report sync import export check clean build test video photo mail home srv data nightly "
    "weekly rsync ffmpeg python make pytest archive index render upload fetch convert"
).split()

#: A job's number spread over the numbers below a million, the same each time, differently for each purpose.
HASH = "(({id} * 2654435761 + {salt} * 40503) >> 7) % 1000000"


def history(count: int = JOBS) -> Path:
    """Give a database with so many jobs, made if it is not there."""
    version = len(migration.scripts())
    path = Path(f"/tmp/jobd-bench-{os.getuid()}") / f"history-{count}-v{version}.db"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            part = path.with_suffix(".part")
            for name in path.parent.glob(f"{part.name}*"):
                name.unlink()
            fill(part, count)
            part.rename(path)
    finally:
        os.close(lock)
    return path


def copy(to: Path) -> None:
    """Copy the history, and wait until it is on the disk: what is written behind would slow each commit."""
    shutil.copy(history(), to)
    os.sync()


def fill(path: Path, count: int) -> None:
    """Make the database."""
    connection, _ = opening.open_database(path, "off")
    with contextlib.closing(connection):
        for pragma in ("wal_autocheckpoint = 100000", "cache_size = -262144", "locking_mode = EXCLUSIVE"):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("folded_text", 1, folded_text, deterministic=True)
        _describe(connection)
        for what, act in _steps(connection, count):
            begun = time.perf_counter()
            act()
            print(f"{what}: {time.perf_counter() - begun:.1f} s", file=sys.stderr, flush=True)
        _look_at_some(connection, count)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    for name in ("ballast", "db.created", "db.suspect"):
        path.with_name(name).unlink(missing_ok=True)


def _describe(connection: sqlite3.Connection) -> None:
    """Make what is chosen from: names with their commands and groups, and durations as they are: a few very long."""
    choice = random.Random(20)  # noqa: S311 -- the same history each time
    kinds = []
    for number in range(NAMES):
        first, second, third = choice.sample(WORDS, 3)
        argv = f'["{second}","-a","--{third}","/srv/{first}/{number}","/mnt/{second}"]'
        kinds.append((number, f"{first}-{second}-{number}", choice.choice(["default"] * 6 + ["night", "video"]), argv))
    connection.execute("CREATE TEMP TABLE kinds (k INTEGER PRIMARY KEY, name, grp, argv)")
    connection.executemany("INSERT INTO kinds VALUES (?, ?, ?, ?)", kinds)
    connection.execute("CREATE TEMP TABLE lasting (k INTEGER PRIMARY KEY, seconds)")
    seconds = ((number, round(math.exp(choice.gauss(4, 1.5)), 6)) for number in range(10_000))
    connection.executemany("INSERT INTO lasting VALUES (?, ?)", seconds)


def _hashed(salt: int) -> str:
    return HASH.format(id="i", salt=salt)


def _iso(column: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%S', {column} / 1000000, 'unixepoch') || printf('.%06dZ', {column} % 1000000)"


def _printf(template: str) -> str:
    return "printf('" + template.replace("\n", "") + "'"


def _steps(connection: sqlite3.Connection, count: int) -> Iterator[tuple[str, Callable[[], None]]]:
    def run(*statements: str) -> Callable[[], None]:
        def act() -> None:
            with database.transaction(connection):
                for statement in statements:
                    connection.execute(statement)

        return act

    yield "jobs", run(*(f"DROP INDEX {name}" for name in _INDEXES), *(text.format(count=count) for text in JOBS_SQL))
    yield "indexes", run(*_INDEXES.values())
    yield "words", run("INSERT INTO words SELECT job, folded_text(record) FROM records")
    yield "parts", lambda: settling.rebuild(connection)
    yield "sizes", run("INSERT INTO meta VALUES ('bench_jobs_bytes', (SELECT sum(pgsize) FROM dbstat))")
    yield "events", run(EVENTS_SQL)
    yield "their sizes", run("INSERT INTO meta VALUES ('bench_all_bytes', (SELECT sum(pgsize) FROM dbstat))")


def _read_indexes() -> dict[str, str]:
    """Read from the schema how the indexes of jobs are made."""
    made = migration.statements(migration.schema())
    return {text.split()[2]: text for text in made if text.lstrip().startswith("CREATE INDEX jobs_")}


_INDEXES = _read_indexes()

#: What there is of job i, twice: for its columns and for its record. Braces stand for what `format` puts in.
MADE = f"""
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {{count}}),
chosen AS (
    SELECT i, name, grp, argv, seconds, {_hashed(1)} % 100 AS luck, {_hashed(2)} % 4 AS code,
        {BEGIN} + i * {EVERY}000000 + {_hashed(3)} AS made, {_hashed(4)} AS waited, {_hashed(5)} * 997 AS used,
        round(seconds * ({_hashed(6)} % 90) / 100.0, 6) AS worked
    FROM n
    CROSS JOIN kinds ON kinds.k = ({_hashed(7)} * ({_hashed(7)} / 1000)) / 1000 * {NAMES} / 1000000
    CROSS JOIN lasting ON lasting.k = {_hashed(8)} % 10000
),
made AS (
    SELECT *, CASE WHEN luck < 90 THEN 'completed' WHEN luck < 98 THEN 'failed' ELSE 'canceled' END AS state,
        CASE WHEN luck < 90 THEN 0 WHEN luck >= 98 THEN 15 WHEN code = 0 THEN 9 ELSE code * 256 END AS status,
        CASE WHEN luck < 90 OR luck >= 98 THEN NULL WHEN code = 0 THEN 'signal:9' ELSE 'exit:' || code END AS reason,
        made + waited AS began, made + waited + CAST(seconds * 1000000 AS INTEGER) AS over,
        1001 + i % 30000 AS pid, i * 100 AS ticks
    FROM chosen
)
"""
COLUMNS = """
INSERT INTO jobs ({columns}, settled) {made}
SELECT i, name, state, grp, 0, made, began, over, 1000, NULL, 1, reason, waited / 1e6,
    iif(status & 127, NULL, status >> 8), nullif(status & 127, 0), seconds, worked, used, 1
FROM made
"""
WHY = """ifnull('"reason":"' || reason || '",', '')"""
RECORD = """
{"id":%d,"name":"%s","state":"%s","created_at":"%s","origin":{"uid":1000,"pid":%d,"tty":null,"cwd":"/home/ann"},
"spec":{"argv":%s,"cwd":"/home/ann","surroundings":"%032x","output_limit":1073741824},"group":"%s",%s
"attempts":[{"number":1,"opened_at":"%s","main":{"pid":%d,"ticks":%d},"started_at":"%s","state":"%s",%s
"ending":{"status":%d,"ended_at":"%s","elapsed":%.17g,
"resources":{"user_seconds":%.6f,"system_seconds":0.0,"peak_rss_bytes":%d,"floor_rss_bytes":7770112},
"output":{"output":%d}}}],"numbered":1,"started_at":"%s","ended_at":"%s",
"progress":{"fraction":1.0,"within":1.0,"done":6,"total":6,"message":"step 6 of 6","rate":%.6f,"reports":6,
"samples":[[0.0,0.16],[%.3f,0.33],[%.3f,0.66],[%.3f,1.0]]},
"usage":{"cpu_seconds":%.17g,"peak_rss_bytes":%d,"read_bytes":0,"write_bytes":4096},
"usual":{"runs":50,"p10":%.3f,"p50":%.3f,"p90":%.3f,"p95":%.3f}}
"""
RECORD_VALUES = f"""
i, name, state, {_iso("made")}, pid - 1, argv, i % 7, grp, {WHY}, {_iso("made")},
pid, ticks, {_iso("began")}, state, {WHY}, status, {_iso("over")}, seconds, worked, used, i % 100000,
{_iso("began")}, {_iso("over")}, 6.0 / seconds, seconds * 0.3, seconds * 0.6, seconds, worked, used,
seconds * 0.7, seconds * 0.9, seconds * 1.2, seconds * 1.3
"""

JOBS_SQL = (
    COLUMNS.format(columns=", ".join(rows.JOB_COLUMNS), made=MADE),
    "INSERT INTO records (job, record) "
    + MADE
    + f"SELECT i, {_printf(RECORD)}, {RECORD_VALUES}) FROM made".replace("{", "{{").replace("}", "}}"),
)

#: The events of a job by number: what it is made of, and what is put in.
SUBMITTED = """
{"type":"submitted","name":"%s","origin":{"uid":1000,"pid":%d,"tty":null,"cwd":"/home/ann"},"spec":%s,"group":"%s",
"usual":%s}
"""
OPENED = '{"type":"opened","number":1,"boot":"5b6f2f6e-6a0c-4c55-9a11-0d6c3d1c0b1e","cookie":"%d.1.%016x"}'
STARTED = """
{"type":"started","main":{"pid":%d,"ticks":%d},"shim":{"pid":%d,"ticks":%d},"started_at":"%s","boottime":%d}
"""
PROGRESSED = '{"type":"progressed","report":{"done":%d,"total":6},"elapsed":%.6f,"offset":%d}'
ENDED = '{"type":"%s",%s"ending":%s,"usage":%s}'
EVENTS_SQL = f"""
INSERT INTO events (seq, at, job, frequent, actor, event)
SELECT (id - 1) * {EVENTS_EACH} + k, began + CASE k WHEN 1 THEN 0 WHEN 2 THEN 1000 ELSE k * 100000 END, id,
    k BETWEEN 4 AND 9, iif(k = 1, '{{"uid":1000,"pid":4242}}', NULL),
    CASE
        WHEN k BETWEEN 4 AND 9 THEN {_printf(PROGRESSED)}, k - 3, seconds * k / 10, k * 5)
        WHEN k = 1 THEN {_printf(SUBMITTED)}, name, pid - 1, spec, grp, usual)
        WHEN k = 2 THEN {_printf(OPENED)}, id, id * 7919)
        WHEN k = 3 THEN {_printf(STARTED)}, pid, id * 100, pid + 1, id * 100, began_at, id * 1000000)
        ELSE {_printf(ENDED)}, state, {WHY}, ending, used)
    END
FROM (
    SELECT id, name, grp, state, reason, created_at AS began, {_iso("started_at")} AS began_at, duration AS seconds,
        1001 + id % 30000 AS pid, json_extract(record, '$.spec') AS spec, json_extract(record, '$.usual') AS usual,
        json_insert(json_extract(record, '$.attempts[0].ending'), '$.started_at', {_iso("started_at")}) AS ending,
        json_extract(record, '$.usage') AS used
    FROM jobs JOIN records ON job = id ORDER BY id
) CROSS JOIN (
    WITH RECURSIVE numbers(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM numbers WHERE k < {EVENTS_EACH})
    SELECT k FROM numbers
)
"""


def _look_at_some(connection: sqlite3.Connection, count: int) -> None:
    """See that the daemon would have written these rows."""
    columns = f"SELECT {', '.join(rows.JOB_COLUMNS)}, record FROM {rows.WHOLE_JOBS} WHERE id = ?"
    log = f"SELECT {rows.ENTRY_COLUMNS} FROM events WHERE job = ?"
    for number in range(1, count + 1, max(1, count // 50)):
        *found, record = connection.execute(columns, (number,)).fetchone()
        wanted = rows.job_row(rows.read_job(record))
        assert [_rounded(value) for value in found] == [_rounded(value) for value in wanted], (found, wanted)
        for entry in connection.execute(log, (number,)):
            rows.read_entry(entry)


def _rounded(value: object) -> object:
    return round(value, 5) if isinstance(value, float) else value


def bytes_each(path: Path, count: int) -> tuple[float, float]:
    """Give the bytes that a job takes, with its indexes and words, and those of an event."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = dict(connection.execute("SELECT key, value FROM meta WHERE key LIKE 'bench_%'"))
    jobs, whole = found["bench_jobs_bytes"], found["bench_all_bytes"]
    return jobs / count, (whole - jobs) / count / EVENTS_EACH
