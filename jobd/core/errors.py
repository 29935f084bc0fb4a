"""Everything jobd can refuse or fail at, one class each.

The docstring is the message: its first line is filled with the details given to the constructor. A class also says its
number on the wire (`code`), the exit status of a command that ends with it, and a hint: what to do next. All of it is
found by itself: the server, the client, the exit statuses and the manual read this tree.

    JobdError
    ├── Refused            1   the state of things does not allow it
    ├── NothingMatched    66   there is no such thing
    ├── BadInput          65   what was said makes no sense
    ├── Unavailable       69   no daemon, or one that cannot serve
    ├── TryAgain          75   may work later
    └── NotPermitted      77   somebody else's
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from jobd.core.details import Details, fill, sendable


class JobdError(Exception):
    """jobd failed: {problem}

    `details` fill the message and travel on the wire, so that the same error is raised again in the client: they are
    kept as what JSON can hold, anything else as its text. Two errors are equal if their class and details are.
    """

    code: ClassVar[int] = 1
    exit_status: ClassVar[int] = 70
    hint_template: ClassVar[str] = ""

    def __init_subclass__(cls, *, code: int, exit_status: int | None = None, hint: str = "") -> None:
        super().__init_subclass__()
        cls.code = code
        cls.hint_template = hint
        if exit_status is not None:
            cls.exit_status = exit_status

    def __init__(self, /, **details: Any) -> None:
        self.details: Details = sendable(details)
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """Say in one line what is wrong and where."""
        return fill((type(self).__doc__ or self.reason()).partition("\n")[0], self.details)

    @property
    def hint(self) -> str:
        """Say what to do next; empty where nothing helps."""
        return fill(self.hint_template, self.details)

    @classmethod
    def reason(cls) -> str:
        """Name the error on the wire: JobNotFound is JOB_NOT_FOUND."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).upper()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.details == getattr(other, "details", None)

    def __hash__(self) -> int:
        return hash((type(self), self.message))


class Refused(JobdError, code=100, exit_status=1):
    """refused: {problem}"""


class IllegalChange(Refused, code=101, hint="jobd status {job}"):
    """job {job} ({name}) is {state}; {event} is not possible now"""


class JobFinished(Refused, code=102, hint="jobd status {job} · run it again: jobd retry {job}"):
    """job {job} ({name}) has already ended ({state}); only a job that has not ended can be {verb}"""


class JobNotFinished(Refused, code=103, hint="jobd cancel {job} · jobd wait {job}"):
    """job {job} ({name}) is {state}; only a job that has ended can be {verb}"""


class NotStartedHere(Refused, code=104, hint="jobd end {job}"):
    """job {job} ({name}) was not started by jobd, so it cannot be {verb}"""


class TreeStillAlive(Refused, code=105, hint="ps -o pid,uid,stat,args -p {processes} · jobd status {job}"):
    """job {job} ({name}) still has living processes: {processes}"""


class CommandFailed(Refused, code=106):
    """{command} failed: {problem}"""


class AlreadyFollowed(Refused, code=107, hint="jobd status {job}"):
    """process {process} is followed already, as job {job} ({name})"""


class NothingMatched(JobdError, code=200, exit_status=66):
    """no such thing: {what}"""


class JobNotFound(NothingMatched, code=201, hint="jobd list --all · jobd history --since 7d"):
    """no job {job}; the newest is {newest}"""


class OutputNotFound(NothingMatched, code=202, hint="jobd status {job}"):
    """the output of job {job} ({name}) is not there: {problem}"""


class NotYetHappened(NothingMatched, code=210, hint="jobd events --since-seq {newest}"):
    """the log has no entry {seq}; the newest is {newest}"""


class NoLongerKept(NothingMatched, code=211, hint="From the oldest on: jobd events --since-seq 0"):
    """the entries after {seq} are not all kept any more; the oldest is {oldest}"""


class NothingLeft(NothingMatched, code=203, hint="jobd items {job} · jobd retry {job}"):
    """job {job} ({name}) has no item that failed or was left undone"""


class BadInput(JobdError, code=300, exit_status=65):
    """{problem}"""


class BadValue(BadInput, code=301):
    """{field}: {problem}"""


class BadProgress(BadInput, code=302, hint="Write 40%, 3/10 message, or a JSON object: jobd help progress"):
    """cannot read the progress report {text!r}: {problem}"""


class ConfigInvalid(BadInput, code=303, exit_status=78, hint="jobd config check · man 5 jobd.toml"):
    """configuration: {where}: {problem}"""


class CannotStart(BadInput, code=304, exit_status=126):
    """cannot start {command}: {problem}"""


class CommandNotFound(CannotStart, code=307, exit_status=127):
    """cannot start {command}: {problem}"""


class BadJson(BadInput, code=-32700, hint="man 7 jobd-protocol"):
    """not a JSON-RPC message: {problem}"""


class BadRequest(BadInput, code=-32600, hint="man 7 jobd-protocol"):
    """not a JSON-RPC request: {problem}"""


class UnknownMethod(BadInput, code=-32601, hint="jobd rpc rpc.discover · after an update: jobd daemon restart"):
    """no method {method}"""


class BadParameters(BadInput, code=-32602, hint="jobd rpc rpc.discover"):
    """{method}: {problem}"""


class LineTooLong(
    BadInput, code=305, hint="A long list of jobs or a large environment can be split over several calls"
):
    """a message line is longer than {limit} bytes"""


class PageInvalid(BadInput, code=310, hint="Begin with the first page: leave out --page"):
    """the page token was not made by this database: {problem}"""


class PageOfAnother(BadInput, code=311, hint="Leave out all options but --page and --limit"):
    """the page token belongs to another question"""


class RequestReused(BadInput, code=306):
    """request id {request_id} was used before for {method}; give every new request an id of its own"""


class FilterInvalid(BadInput, code=312, hint="{advice}"):
    """filter: {problem}"""


class TooManyMeant(
    BadInput, code=313, hint="Narrow it: --where 'id<5000 …' · to look through many: jobd history --where FILTER"
):
    """more than {most} jobs are meant, too many at once"""


class Unavailable(JobdError, code=400, exit_status=69):
    """not available: {problem}"""


class DaemonNotRunning(Unavailable, code=401, hint="jobd daemon start"):
    """no daemon is running for {state}"""


class DaemonDidNotStart(Unavailable, code=402, hint="jobd doctor · log: {log}"):
    """the daemon did not start: {problem}"""


class DaemonAlreadyRunning(Unavailable, code=403, hint="jobd daemon status · jobd daemon restart"):
    """a daemon already serves {state} (pid {pid})"""


class ConnectionLost(Unavailable, code=404, hint="jobd daemon status"):
    """the connection to the daemon was lost"""


class NoAnswer(Unavailable, code=411, hint="jobd doctor"):
    """the daemon (pid {pid}) does not answer"""


class DatabaseTooNew(Unavailable, code=405, hint="Update jobd, or go back: jobd db restore {backup}"):
    """the database was written by a newer jobd (schema {found}, this one knows {known})"""


class DatabaseTooOld(Unavailable, code=410, hint="jobd daemon start"):
    """the database is of an older jobd (schema {found}, this one reads {known}); the daemon brings it up to date"""


class StorageBroken(Unavailable, code=406, hint="jobd doctor · jobd db restore"):
    """the database {path} cannot be used: {problem}"""


class StateDirectoryUnusable(Unavailable, code=407, hint="Set JOBD_DIR to a directory of your own (mode 0700)"):
    """the state directory {path} cannot be used: {problem}"""


class OutputFailed(Unavailable, code=408, exit_status=74):
    """cannot write output: {problem}"""


class TryAgain(JobdError, code=500, exit_status=75):
    """try again: {problem}"""


class StorageFull(TryAgain, code=501, hint="Free some space; running jobs go on and jobd works again by itself"):
    """the disk that holds {path} is full; nothing was changed"""


class OutcomeUnknown(TryAgain, code=502, hint="Repeat it with the same request id: it is done at most once"):
    """it is not known whether the change was made: {problem}"""


class TooManyConnections(TryAgain, code=503):
    """the daemon has {limit} connections, its limit"""


class TooManyRequests(TryAgain, code=504):
    """the connection has {limit} unanswered requests, its limit"""


class ShuttingDown(TryAgain, code=505):
    """the daemon is stopping"""


class WaitTimedOut(TryAgain, code=506, exit_status=124):
    """still {state} after {seconds:g} s"""


class NotPermitted(JobdError, code=600, exit_status=77):
    """not permitted: {problem}"""


class ForeignDaemon(NotPermitted, code=601, hint="Set JOBD_DIR to a directory of your own (mode 0700)"):
    """the daemon at {path} belongs to user {uid}, not to you"""


class InternalError(JobdError, code=-32603, hint="The daemon's log has the details: {log}"):
    """a bug in jobd: {problem}"""


def every(root: type[JobdError] = JobdError) -> Iterator[type[JobdError]]:
    """Walk the tree of errors, parents first."""
    yield root
    for child in root.__subclasses__():
        yield from every(child)


def revive(reason: str, details: Details) -> JobdError:
    """Make the error again that the other side reported; a reason from a newer jobd becomes a plain JobdError."""
    kinds = {kind.reason(): kind for kind in every()}
    if reason in kinds:
        return kinds[reason](**details)
    return JobdError(problem=details.get("message", reason))
