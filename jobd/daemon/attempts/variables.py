"""What a job finds in its environment beside what its submitter had: who it is, and files of its attempt."""

import os
from collections.abc import Iterable
from pathlib import Path

from jobd.config import Paths
from jobd.core.model import Attempt, Job
from jobd.daemon.attempts import notify
from jobd.daemon.attempts.output import attempt_directory

#: The descriptor of the report file in a job: one digit, since dash takes no other in `>&N`; scripts use 3 to 7 and 9.
REPORT_FD = 8
NOTIFY, ITEMS = "NOTIFY_SOCKET", "JOBD_ITEMS"
#: Not every job has these: those of its submitter are not its own.
OWN_ONLY = (NOTIFY, ITEMS)


def of(paths: Paths, job: Job, attempt: Attempt) -> dict[str, str]:
    """Give the variables of an attempt, by name."""
    path = attempt_directory(paths, job.id, attempt.number)
    return {
        "JOBD_JOB_ID": str(job.id),
        "JOBD_SOCKET": str(paths.socket),
        "JOBD_DIR": str(paths.state),
        **here(path, job.name, job.group, attempt.number, attempt.cookie),
        **({ITEMS: _items(path)} if job.resumes else {}),
    }


def here(path: Path, name: str, group: str, number: int, cookie: str) -> dict[str, str]:
    """Give those that an attempt in this directory has with or without a daemon."""
    return {
        "JOBD_JOB_NAME": name,
        "JOBD_GROUP": group,
        "JOBD_ATTEMPT": str(number),
        "JOBD_COOKIE": cookie,
        "JOBD_FD": str(REPORT_FD),
        "JOBD_REPORT": f"{path}/report",
        **_socket(path),
    }


def put_items(path: Path, keys: Iterable[str]) -> None:
    """Write what is left of a job's items where its attempt finds it, a key a line. Raises OSError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(_items(path), "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.writelines(f"{key}\n" for key in keys)


def _socket(path: Path) -> dict[str, str]:
    """Name the socket of an attempt; nothing where the path is longer than an address may be."""
    address = os.fsencode(path) + b"/" + notify.NAME
    return {NOTIFY: os.fsdecode(address)} if len(address) <= notify.LONGEST_ADDRESS else {}


def _items(path: Path) -> str:
    return f"{path}/items"
