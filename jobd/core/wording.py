"""The words of a job: all in which they are found, as one text.

The rule: a text and a word are both folded (Unicode's full case folding), and then one contains the other.
"""

from jobd.core.model import Job
from jobd.core.text import plain

#: Signs of a job that are looked through; what comes behind them is a command line of thousands of files.
LONGEST_TEXT = 16_384


def search_text(job: Job) -> str:
    """Give the folded text: name, command, reason, detail, message, stage, warnings and labels, a line each."""
    argv = job.spec.argv if job.spec else job.command
    said = job.progress
    lines = (
        job.name, " ".join(map(plain, argv)) if argv else None, job.reason, job.detail, said.message, said.stage,
        *(warning.text for warning in job.warnings), *(f"{name}={value}" for name, value in job.labels.items()),
    )  # fmt: skip
    return "\n".join(line for line in lines if line)[:LONGEST_TEXT].casefold()
