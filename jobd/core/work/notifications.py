"""What a program tells its service manager (sd_notify(3)), as the report lines that mean the same.

    STATUS=40% half way     the line as it is, if it begins with how far the job is (40%, 3/10); else a message
    X_JOBD_PROGRESS=LINE    any line of the report file
    WATCHDOG=1              `beat`
    READY=1, STOPPING=1     a message that says so, unless there is a STATUS beside it; RELOADING=1 likewise

The other assignments are for a service manager and change nothing here. What is no assignment at all is refused.

The shim of a job hears the messages and puts each into a line of the report file, `notify WORD MESSAGE`, with the
newlines of the message replaced: WORD is ok, or says what was wrong with it.
"""

from typing import NamedTuple

from jobd.core.errors import BadProgress
from jobd.core.text import single_line
from jobd.core.work import report

#: What stands for an assignment of which only the presence counts.
MEANING = {
    b"READY=1": b"message ready",
    b"RELOADING=1": b"message reloading",
    b"STOPPING=1": b"message stopping",
    b"WATCHDOG=1": b"beat",
    b"WATCHDOG=trigger": b"message stuck: the watchdog was triggered",
}
REPORT, STATUS = b"X_JOBD_PROGRESS", b"STATUS"


#: How such a line begins, what stands in it for a newline, and the words for what is wrong.
MARK, SEPARATOR = b"notify ", b"\x1e"
PROBLEMS = {
    b"long": "more than 4096 bytes were sent to NOTIFY_SOCKET",
    b"stranger": "a stranger has sent to NOTIFY_SOCKET",
}


class Said(NamedTuple):
    """What was told: report lines in order, and what was refused."""

    lines: list[bytes]
    refused: list[BadProgress]


def unwrap(line: bytes) -> Said:
    """Read the line that the shim has made of a message."""
    word, _, text = line.removeprefix(MARK).partition(b" ")
    message = text.replace(SEPARATOR, b"\n")
    if word in PROBLEMS:
        return Said([], [refusal(message, PROBLEMS[word])])
    return translate(message) if word == b"ok" else Said([], [refusal(line, "no message to NOTIFY_SOCKET")])


def translate(message: bytes) -> Said:
    """Read one datagram: assignments with newlines between them."""
    general: list[bytes] = []
    special: list[bytes] = []
    refused = []
    for line in message.split(b"\n"):
        name, equals, value = line.partition(b"=")
        value = value.strip()
        if line and not (equals and name):
            refused.append(refusal(line, "no NAME=value in what was sent to NOTIFY_SOCKET"))
        elif line in MEANING:
            general.append(MEANING[line])
        elif value and name == STATUS:
            special.append(value if _tells_progress(value) else b"message " + value)
        elif value and name == REPORT:
            special.append(value)
    return Said(general + special, refused)


def refusal(message: bytes, problem: str) -> BadProgress:
    """Make what a refused message is kept as."""
    text = message[: report.LONGEST_EXAMPLE].decode("utf-8", "backslashreplace")
    return BadProgress(text=single_line(text)[: report.LONGEST_EXAMPLE], problem=problem)


def _tells_progress(status: bytes) -> bool:
    """Whether a status begins with how far the job is; what only looks so (`9/5 tries`) is a message."""
    if not status[:1].isdigit():
        return False
    try:
        said = report.parse(status)
    except BadProgress:
        return False
    return isinstance(said, report.Report) and (said.fraction is not None or said.done is not None)
