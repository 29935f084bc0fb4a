"""What still lives of a job that was given up on."""

from jobd.config import Paths
from jobd.core.model import Job
from jobd.daemon.attempts import directory, output
from jobd.daemon.system import trees
from jobd.daemon.system.trees import Tree


def alive(paths: Paths, job: Job) -> tuple[str, ...]:
    """List the processes of a job that has ended (it was abandoned) and that its shim still waits for."""
    found: list[str] = []
    for attempt in job.attempts:
        path = output.attempt_directory(paths, job.id, attempt.number)
        if attempt.main and attempt.shim and directory.lock_held(path):
            left = trees.members(Tree(attempt.main, attempt.shim, attempt.cookie, attempt.cgroup))
            found += [str(process.pid) for process in (*left, attempt.shim)]
    return tuple(found)
