-- What is searched and summed up of a job, as columns; those of its end are NULL while it lives. All that has ended is
-- yet to be settled, which the daemon does bit by bit.

ALTER TABLE jobs RENAME TO jobs_before;
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
INSERT INTO sqlite_sequence (name, seq) SELECT 'jobs', seq FROM sqlite_sequence WHERE name = 'jobs_before';
INSERT INTO jobs
SELECT
    id, name, state, grp, priority, created_at, started_at, ended_at, uid,
    json_extract(record, '$.parent'),
    coalesce(json_extract(record, '$.numbered'), 0),
    json_extract(record, '$.reason'),
    max(0.0, (started_at - created_at) / 1e6),
    CASE
        WHEN status & 127 = 0 THEN (status >> 8) & 255
        WHEN status & 127 = 127 OR status IS NULL THEN
            CASE
                WHEN json_extract(ending, '$.start_errno') = 2 AND json_extract(ending, '$.start_step') = 'exec' THEN 127
                WHEN json_extract(ending, '$.start_errno') IS NOT NULL THEN 126
            END
    END,
    CASE WHEN status & 127 BETWEEN 1 AND 126 THEN status & 127 END,
    round(max(0.0,
        CASE
            WHEN json_extract(attempt, '$.started_at') IS NULL THEN NULL
            WHEN json_extract(ending, '$.elapsed') IS NOT NULL THEN json_extract(ending, '$.elapsed')
            WHEN json_extract(ending, '$.ended_at') IS NOT NULL THEN (ended_at - started_at) / 1e6
        END - coalesce(json_extract(attempt, '$.paused_seconds'), 0.0)
    ), 6),
    CASE WHEN done THEN json_extract(record, '$.usage.cpu_seconds') END,
    CASE WHEN done THEN json_extract(record, '$.usage.peak_rss_bytes') END,
    0,
    record
FROM (
    SELECT *, json_extract(attempt, '$.ending') AS ending, json_extract(attempt, '$.ending.status') AS status
    FROM (
        SELECT *, CASE WHEN done THEN json_extract(record, '$.attempts[#-1]') END AS attempt
        FROM (SELECT *, state IN ('completed', 'canceled', 'failed') AS done FROM jobs_before)
    )
)
ORDER BY id;
DROP TABLE jobs_before;
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
