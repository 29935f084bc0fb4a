-- How many jobs need surroundings; those that no job needs are left behind.

CREATE TABLE needed AS
SELECT CASE WHEN json_valid(record) THEN json_extract(record, '$.spec.surroundings') END AS digest, count(*) AS jobs
FROM records GROUP BY 1;
CREATE TABLE kept AS SELECT digest, body FROM surroundings;
DROP TABLE surroundings;
CREATE TABLE surroundings (
    digest TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    jobs INTEGER NOT NULL DEFAULT 0
);
INSERT INTO surroundings (digest, body, jobs) SELECT digest, body, jobs FROM kept JOIN needed USING (digest);
DROP TABLE needed;
DROP TABLE kept;
