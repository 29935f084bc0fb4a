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
    settled INTEGER NOT NULL DEFAULT 0,
    record TEXT NOT NULL
);
CREATE INDEX jobs_by_name ON jobs (name);
CREATE INDEX jobs_living ON jobs (id, state) WHERE ended_at IS NULL;
CREATE INDEX jobs_unsettled ON jobs (id, state) WHERE ended_at IS NOT NULL AND settled = 0;
CREATE INDEX jobs_by_state ON jobs (state) WHERE settled = 1;
CREATE INDEX jobs_by_group ON jobs (grp) WHERE settled = 1 AND grp <> 'default';
CREATE INDEX jobs_by_start ON jobs (started_at) WHERE settled = 1;
CREATE INDEX jobs_by_end ON jobs (ended_at) WHERE settled = 1;
CREATE INDEX jobs_by_wait ON jobs (wait) WHERE settled = 1;
CREATE INDEX jobs_by_duration ON jobs (duration) WHERE settled = 1;
CREATE INDEX jobs_by_cpu ON jobs (cpu) WHERE settled = 1;
CREATE INDEX jobs_by_memory ON jobs (memory) WHERE settled = 1;

CREATE TABLE words (
    job INTEGER PRIMARY KEY,
    text TEXT NOT NULL
);
CREATE VIRTUAL TABLE parts USING fts5 (
    text, content = 'words', content_rowid = 'job', tokenize = 'trigram case_sensitive 1', detail = 'none', columnsize = 0
);

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
