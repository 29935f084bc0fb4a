-- Groups, and the jobs that did not complete, are searched together with how their jobs ended and how long they took:
-- an index that has these, too, is gone through without a look at each job.

DROP INDEX jobs_by_group;
CREATE INDEX jobs_by_group ON jobs (grp, id, state, exit_code, duration) WHERE settled = 1 AND grp <> 'default';
CREATE INDEX jobs_not_completed ON jobs (state, id, grp, exit_code, duration) WHERE settled = 1 AND state <> 'completed';
