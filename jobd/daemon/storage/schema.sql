-- What a new database looks like: the sum of migrations/.
--
-- Times are microseconds since 1970 in UTC and never decrease with id or seq. The columns of a job beside `record`
-- repeat what the record says, for searching; the record is the truth. Durations (wait, duration, cpu) are seconds,
-- memory is bytes. An index holds the rowid, here id and seq, as its last column.

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    grp TEXT NOT NULL,
    priority INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    uid INTEGER NOT NULL,
    parent INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    wait REAL,
    exit_code INTEGER,
    signal INTEGER,
    duration REAL,
    cpu REAL,
    memory INTEGER,
    record TEXT NOT NULL
);
CREATE INDEX jobs_by_name ON jobs (name);
CREATE INDEX jobs_by_state ON jobs (state);
CREATE INDEX jobs_by_group ON jobs (grp) WHERE grp <> 'default';
CREATE INDEX jobs_by_creation ON jobs (created_at);

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    job INTEGER NOT NULL,
    frequent INTEGER NOT NULL,
    actor TEXT,
    event TEXT NOT NULL
);
CREATE INDEX events_by_job ON events (job) WHERE frequent = 0;

CREATE TABLE items (
    job INTEGER NOT NULL,
    key TEXT NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (job, key)
);

CREATE TABLE requests (
    id TEXT PRIMARY KEY,
    method TEXT NOT NULL,
    at INTEGER NOT NULL,
    reply TEXT NOT NULL
);

CREATE TABLE surroundings (
    digest TEXT PRIMARY KEY,
    body TEXT NOT NULL
);

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value
) WITHOUT ROWID;

INSERT INTO sqlite_sequence (name, seq) VALUES ('jobs', 0);
