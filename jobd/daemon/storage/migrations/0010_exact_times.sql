-- Times of all views to the microsecond, so that they can be compared; no warnings are 0.

DROP VIEW v_jobs;
DROP VIEW v_attempts;
DROP VIEW v_events;
DROP VIEW v_daily;

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
