-- What a new database looks like: the sum of migrations/.
--
-- Times are microseconds since 1970 in UTC and never decrease with id or seq. The columns of a job repeat what
-- its record says, for searching; the record is the truth. Durations (wait, duration, cpu) are seconds,
-- memory is bytes. An index holds the rowid, here id and seq, as its last column; columns behind an id spare a look at
-- each job.

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
    settled INTEGER NOT NULL DEFAULT 0);
CREATE INDEX jobs_by_name ON jobs (name);
CREATE INDEX jobs_living ON jobs (id, state) WHERE ended_at IS NULL;
CREATE INDEX jobs_unsettled ON jobs (id, state) WHERE ended_at IS NOT NULL AND settled = 0;
CREATE INDEX jobs_by_state ON jobs (state) WHERE settled = 1;
CREATE INDEX jobs_by_group ON jobs (grp, id, state, exit_code, duration) WHERE settled = 1 AND grp <> 'default';
CREATE INDEX jobs_not_completed ON jobs (state, id, grp, exit_code, duration) WHERE settled = 1 AND state <> 'completed';
CREATE INDEX jobs_by_start ON jobs (started_at) WHERE settled = 1;
CREATE INDEX jobs_by_end ON jobs (ended_at) WHERE settled = 1;
CREATE INDEX jobs_by_wait ON jobs (wait) WHERE settled = 1;
CREATE INDEX jobs_by_duration ON jobs (duration) WHERE settled = 1;
CREATE INDEX jobs_by_cpu ON jobs (cpu) WHERE settled = 1;
CREATE INDEX jobs_by_memory ON jobs (memory) WHERE settled = 1;

CREATE TABLE records (
    job INTEGER PRIMARY KEY,
    record TEXT NOT NULL
);

CREATE TABLE words (
    job INTEGER PRIMARY KEY,
    text TEXT NOT NULL
);
CREATE VIRTUAL TABLE parts USING fts5 (
    text, content = 'words', content_rowid = 'job', tokenize = 'trigram case_sensitive 1', detail = 'none', columnsize = 0
);
-- Whoever changes the index merges it in small steps: the merges of SQLite itself may take half a second.
INSERT INTO parts (parts, rank) VALUES ('automerge', 0);
INSERT INTO parts (parts, rank) VALUES ('crisismerge', 256);

CREATE TABLE daily (
    day TEXT NOT NULL,
    name TEXT NOT NULL,
    grp TEXT NOT NULL,
    runs INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    canceled INTEGER NOT NULL,
    seconds REAL NOT NULL,
    cpu REAL NOT NULL,
    wait REAL NOT NULL,
    waited INTEGER NOT NULL,
    peak INTEGER,
    durations TEXT NOT NULL,
    UNIQUE (name, day, grp)
);
CREATE INDEX daily_by_day ON daily (day);

CREATE TABLE bygone (
    name TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    runs TEXT NOT NULL
);
CREATE INDEX bygone_by_time ON bygone (at);

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
    body TEXT NOT NULL,
    jobs INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value
) WITHOUT ROWID;

CREATE VIEW v_jobs AS -- Jobs, as far as they have not been removed.
SELECT
    id, -- The number of the job.
    name, -- Its name.
    state, -- Where it stands, a word of jobd-states(7).
    reason, -- Why it stands there: exit:1, signal:9, oom, lost.
    json_extract(record, '$.detail') AS detail, -- More about the reason.
    exit_code, -- The exit status of its last attempt.
    signal, -- The signal that ended it.
    grp AS group_name, -- The group in which it queues.
    priority, -- A higher number starts first.
    parent, -- The number of the job that it belongs to.
    uid, -- The user who submitted it.
    strftime('%Y-%m-%dT%H:%M:%S', created_at / 1000000, 'unixepoch') || printf('.%06dZ', created_at % 1000000) AS created, -- When it was submitted.
    strftime('%Y-%m-%dT%H:%M:%S', started_at / 1000000, 'unixepoch') || printf('.%06dZ', started_at % 1000000) AS started, -- When its last attempt started.
    strftime('%Y-%m-%dT%H:%M:%S', ended_at / 1000000, 'unixepoch') || printf('.%06dZ', ended_at % 1000000) AS ended, -- When it ended.
    wait AS wait_seconds, -- How long it waited for its start, since it was last asked for.
    duration AS seconds, -- How long its last attempt ran, pauses left out; known when it has ended.
    cpu AS cpu_seconds, -- CPU time of all its processes; known when it has ended.
    memory AS peak_bytes, -- The most memory they had at a time; known when it has ended.
    attempts, -- How many attempts were opened.
    (
        SELECT group_concat(value, ' ')
        FROM json_each(record, iif(json_type(record, '$.spec') IS NULL, '$.command', '$.spec.argv'))
    ) AS command, -- The words of its command, with spaces between; one that is not UTF-8 as {"b64": "..."}.
    coalesce(json_extract(record, '$.spec.cwd'), json_extract(record, '$.origin.cwd')) AS cwd, -- Where it runs.
    json_extract(record, '$.labels') AS labels, -- Its labels, as a JSON object.
    100 * json_extract(record, '$.progress.fraction') AS percent, -- How far it said it was.
    json_extract(record, '$.progress.message') AS message, -- What it said last.
    ifnull(json_extract(record, '$.warned'), 0) AS warnings -- How many warnings there were.
FROM jobs JOIN records ON records.job = jobs.id;

CREATE VIEW v_attempts AS -- The attempts to run the jobs.
SELECT
    job, -- The number of the job.
    name, -- Its name.
    json_extract(attempt, '$.number') AS attempt, -- The number of the attempt.
    json_extract(attempt, '$.state') AS state, -- How it ended; NULL while it is open.
    json_extract(attempt, '$.reason') AS reason, -- Why it ended so.
    CASE
        WHEN status & 127 = 0 THEN (status >> 8) & 255
        WHEN json_extract(attempt, '$.ending.start_errno') = 2 AND json_extract(attempt, '$.ending.start_step') = 'exec' THEN 127
        WHEN json_extract(attempt, '$.ending.start_errno') IS NOT NULL THEN 126
    END AS exit_code, -- Its exit status; 127 or 126 if the command could not be started.
    CASE WHEN status & 127 BETWEEN 1 AND 126 THEN status & 127 END AS signal, -- The signal that ended it.
    json_extract(attempt, '$.main.pid') AS pid, -- Its main process.
    iif(instr(started, '.'), started, replace(started, 'Z', '.000000Z')) AS started, -- When it started.
    iif(instr(ended, '.'), ended, replace(ended, 'Z', '.000000Z')) AS ended, -- When it ended.
    round(max(0.0,
        json_extract(attempt, '$.ending.elapsed') - coalesce(json_extract(attempt, '$.paused_seconds'), 0.0)
    ), 6) AS seconds, -- How long it ran, pauses left out, if that was measured.
    json_extract(attempt, '$.ending.resources.user_seconds')
        + json_extract(attempt, '$.ending.resources.system_seconds') AS cpu_seconds -- CPU time, as the kernel counted it.
FROM (
    SELECT
        jobs.id AS job, jobs.name AS name, value AS attempt, json_extract(value, '$.ending.status') AS status,
        json_extract(value, '$.started_at') AS started, json_extract(value, '$.ending.ended_at') AS ended
    FROM jobs JOIN records ON records.job = jobs.id, json_each(record, '$.attempts')
);

CREATE VIEW v_events AS -- The log, as far as it is kept.
SELECT
    seq, -- The number of the entry; one more than that of the entry before.
    strftime('%Y-%m-%dT%H:%M:%S', at / 1000000, 'unixepoch') || printf('.%06dZ', at % 1000000) AS time, -- When it happened.
    job, -- The job to which it happened.
    json_extract(event, '$.type') AS type, -- What happened, a word of jobd-events(7).
    json_extract(actor, '$.uid') AS uid, -- The user who asked for it; NULL: jobd itself.
    json_extract(actor, '$.pid') AS pid, -- The process that asked for it.
    event -- All that is known of it, as JSON.
FROM events;

CREATE VIEW v_daily AS -- The runs of each day, name and group, also those that retention has removed.
SELECT
    day, -- The day on which they ended, in UTC.
    name, -- Their name.
    grp AS group_name, -- Their group.
    sum(runs) AS runs, -- How many there were.
    sum(completed) AS completed, -- How many ended well.
    sum(failed) AS failed, -- How many failed.
    sum(canceled) AS canceled, -- How many were canceled.
    sum(seconds) AS seconds, -- How long all of them ran.
    sum(cpu) AS cpu_seconds, -- The CPU time of all of them.
    sum(wait) / nullif(sum(waited), 0) AS wait_seconds, -- How long one of them waited for its start, on average.
    max(peak) AS peak_bytes -- The most memory that one of them had.
FROM (
    SELECT day, name, grp, runs, completed, failed, canceled, seconds, cpu, wait, waited, peak FROM daily
    UNION ALL
    SELECT
        date(ended_at / 1000000, 'unixepoch'), name, grp, 1, state = 'completed', state = 'failed', state = 'canceled',
        ifnull(duration, 0.0), ifnull(cpu, 0.0), ifnull(wait, 0.0), wait IS NOT NULL, memory
    FROM jobs
    WHERE ended_at IS NOT NULL
)
GROUP BY day, name, grp;

INSERT INTO sqlite_sequence (name, seq) VALUES ('jobs', 0);
