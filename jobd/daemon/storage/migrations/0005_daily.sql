-- What stays of jobs that are removed by retention: their sums, their durations as counts, and how runs of a name went.

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
