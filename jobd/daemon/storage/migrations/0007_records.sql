-- The records apart from the columns that are searched and summed up, which so fill a tenth of the pages.

DROP VIEW v_jobs;
DROP VIEW v_attempts;
CREATE TABLE records (
    job INTEGER PRIMARY KEY,
    record TEXT NOT NULL
);
INSERT INTO records (job, record) SELECT id, record FROM jobs ORDER BY id;
ALTER TABLE jobs DROP COLUMN record;

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
    strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1e6, 'unixepoch') AS created, -- When it was submitted.
    strftime('%Y-%m-%dT%H:%M:%fZ', started_at / 1e6, 'unixepoch') AS started, -- When its last attempt started.
    strftime('%Y-%m-%dT%H:%M:%fZ', ended_at / 1e6, 'unixepoch') AS ended, -- When it ended.
    wait AS wait_seconds, -- How long it waited for its start.
    duration AS seconds, -- How long its last attempt ran, pauses left out; known when it has ended.
    cpu AS cpu_seconds, -- CPU time of all its processes; known when it has ended.
    memory AS peak_bytes, -- The most memory they had at a time; known when it has ended.
    attempts, -- How many attempts were opened.
    (
        SELECT group_concat(value, ' ')
        FROM json_each(record, iif(json_type(record, '$.spec') IS NULL, '$.command', '$.spec.argv'))
    ) AS command, -- The words of its command, with spaces between.
    coalesce(json_extract(record, '$.spec.cwd'), json_extract(record, '$.origin.cwd')) AS cwd, -- Where it runs.
    json_extract(record, '$.labels') AS labels, -- Its labels, as a JSON object.
    100 * json_extract(record, '$.progress.fraction') AS percent, -- How far it said it was.
    json_extract(record, '$.progress.message') AS message, -- What it said last.
    json_extract(record, '$.warned') AS warnings -- How many warnings there were.
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
    json_extract(attempt, '$.started_at') AS started, -- When it started.
    json_extract(attempt, '$.ending.ended_at') AS ended, -- When it ended.
    round(max(0.0,
        json_extract(attempt, '$.ending.elapsed') - coalesce(json_extract(attempt, '$.paused_seconds'), 0.0)
    ), 6) AS seconds, -- How long it ran, pauses left out, if that was measured.
    json_extract(attempt, '$.ending.resources.user_seconds')
        + json_extract(attempt, '$.ending.resources.system_seconds') AS cpu_seconds -- CPU time, as the kernel counted it.
FROM (
    SELECT jobs.id AS job, jobs.name AS name, value AS attempt, json_extract(value, '$.ending.status') AS status
    FROM jobs JOIN records ON records.job = jobs.id, json_each(record, '$.attempts')
);
