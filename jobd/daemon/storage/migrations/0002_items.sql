-- The items of jobs, as they are now; the job's record only counts them.

CREATE TABLE items (
    job INTEGER NOT NULL,
    key TEXT NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (job, key)
);
