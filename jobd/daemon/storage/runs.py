"""The latest runs of a name: what they teach of the next one."""

from jobd.core.estimates import past
from jobd.core.estimates.usual import Experience
from jobd.daemon.storage import summaries
from jobd.daemon.storage.reader import Reader

#: Completed runs from which the usual duration of a name is taken, and how many runs are looked through for them.
USUAL_RUNS, MOST_LOOKED_AT = 50, 500

_COMPLETED = (
    "SELECT id FROM jobs WHERE id IN (SELECT id FROM jobs WHERE name = ? ORDER BY id DESC LIMIT ?)"
    " AND +state = 'completed' ORDER BY id DESC LIMIT ?"
)


def experience(reader: Reader, name: str) -> Experience | None:
    """Sum up the latest completed runs of a name, also removed ones; None if there was none."""
    ids = reader.column(_COMPLETED, name, MOST_LOOKED_AT, USUAL_RUNS)
    jobs = reader.jobs(ids)
    runs = [run for job_id in ids if job_id in jobs and (run := summaries.run(jobs[job_id])) is not None]
    if len(runs) < USUAL_RUNS:
        runs += reversed(summaries.runs(reader.ask("SELECT runs FROM bygone WHERE name = ?", name)))
    return past.sum_up(runs[:USUAL_RUNS])
