"""Everything jobd can refuse or fail at, one class each.

The docstring is the message: its first line is filled with the details given to the constructor. A class also says its number on
the wire (`code`), the exit status of a command that ends with it, and a hint: what to do next. All of it is found by itself: the
server, the client, the exit statuses and the manual read this tree.

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

Details = dict[str, Any]


class JobdError(Exception):
    """jobd failed: {problem}

    `details` fill the message and travel on the wire, so that the same error is raised again in the client.
    """

    code: ClassVar[int] = 1
    exit_status: ClassVar[int] = 70
    hint_template: ClassVar[str] = ""

    def __init__(self, **details: Any) -> None:
        self.details: Details = details
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """Say in one line what is wrong and where."""
        return _fill((type(self).__doc__ or "").partition("\n")[0], self.details)

    @property
    def hint(self) -> str:
        """Say what to do next; empty where nothing helps."""
        return _fill(self.hint_template, self.details)

    @classmethod
    def reason(cls) -> str:
        """Name the error on the wire: JobNotFound is JOB_NOT_FOUND."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).upper()


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return f"({key} unknown)"


def _fill(template: str, details: Details) -> str:
    return template.format_map(_Known(details))


class Refused(JobdError):
    """refused: {problem}"""

    code = 100
    exit_status = 1


class IllegalChange(Refused):
    """job {job} ({name}) is {state}; {event} is not possible now"""

    code = 101
    hint_template = "jobd status {job}"


class JobFinished(Refused):
    """job {job} ({name}) has already ended ({state}); only a job that has not ended can be {verb}"""

    code = 102
    hint_template = "Run it again: jobd retry {job}"


class JobNotFinished(Refused):
    """job {job} ({name}) is {state}; only a job that has ended can be {verb}"""

    code = 103
    hint_template = "jobd cancel {job} · jobd wait {job}"


class NotStartedHere(Refused):
    """job {job} ({name}) was not started by jobd, so it cannot be {verb}"""

    code = 104
    hint_template = "jobd end {job}"


class TreeStillAlive(Refused):
    """job {job} ({name}) still has living processes: {processes}"""

    code = 105
    hint_template = "ps -o pid,uid,stat,args -p {processes} · jobd status {job}"


class CommandFailed(Refused):
    """{command} failed: {problem}"""

    code = 106


class NothingMatched(JobdError):
    """no such thing: {what}"""

    code = 200
    exit_status = 66


class JobNotFound(NothingMatched):
    """no job {job}; the newest is {newest}"""

    code = 201
    hint_template = "jobd list --all · jobd history --since 7d"


class OutputNotFound(NothingMatched):
    """the output of job {job} ({name}) is not there: {problem}"""

    code = 202
    hint_template = "jobd status {job}"


class BadInput(JobdError):
    """{problem}"""

    code = 300
    exit_status = 65


class BadValue(BadInput):
    """{field}: {problem}"""

    code = 301


class BadProgress(BadInput):
    """not a progress report: {text}"""

    code = 302
    hint_template = "Write 40%, 3/10 message, or a JSON object: jobd help progress"


class ConfigInvalid(BadInput):
    """configuration: {where}: {problem}"""

    code = 303
    exit_status = 78
    hint_template = "jobd config check · man 5 jobd.toml"


class CannotStart(BadInput):
    """cannot start {command}: {problem}"""

    code = 304
    exit_status = 126


class CommandNotFound(CannotStart):
    """cannot start {command}: {problem}"""

    code = 307
    exit_status = 127


class BadJson(BadInput):
    """not a JSON-RPC message: {problem}"""

    code = -32700
    hint_template = "man 7 jobd-protocol"


class BadRequest(BadInput):
    """not a JSON-RPC request: {problem}"""

    code = -32600
    hint_template = "man 7 jobd-protocol"


class UnknownMethod(BadInput):
    """no method {method}"""

    code = -32601
    hint_template = "jobd rpc rpc.discover"


class BadParameters(BadInput):
    """{method}: {problem}"""

    code = -32602
    hint_template = "jobd rpc rpc.discover"


class LineTooLong(BadInput):
    """a message line is longer than {limit} bytes"""

    code = 305
    hint_template = "A long list of jobs or a large environment can be split over several calls"


class RequestReused(BadInput):
    """request id {request_id} was used before for {method}; give every new request an id of its own"""

    code = 306


class Unavailable(JobdError):
    """not available: {problem}"""

    code = 400
    exit_status = 69


class DaemonNotRunning(Unavailable):
    """no daemon is running for {state}"""

    code = 401
    hint_template = "jobd daemon start"


class DaemonDidNotStart(Unavailable):
    """the daemon did not start: {problem}"""

    code = 402
    hint_template = "jobd doctor · log: {log}"


class DaemonAlreadyRunning(Unavailable):
    """a daemon already serves {state} (pid {pid})"""

    code = 403
    hint_template = "jobd daemon status · jobd daemon restart"


class ConnectionLost(Unavailable):
    """the connection to the daemon was lost"""

    code = 404
    hint_template = "jobd daemon status"


class DatabaseTooNew(Unavailable):
    """the database was written by a newer jobd (schema {found}, this one knows {known})"""

    code = 405
    hint_template = "Update jobd, or go back: jobd db restore {backup}"


class StorageBroken(Unavailable):
    """the database {path} cannot be used: {problem}"""

    code = 406
    hint_template = "jobd doctor · jobd db restore"


class StateDirectoryUnusable(Unavailable):
    """the state directory {path} cannot be used: {problem}"""

    code = 407
    hint_template = "Set JOBD_DIR to a directory of your own (mode 0700)"


class OutputFailed(Unavailable):
    """cannot write output: {problem}"""

    code = 408
    exit_status = 74


class TryAgain(JobdError):
    """try again: {problem}"""

    code = 500
    exit_status = 75


class StorageFull(TryAgain):
    """the disk that holds {path} is full; nothing was changed"""

    code = 501
    hint_template = "Free some space; running jobs go on and jobd works again by itself"


class OutcomeUnknown(TryAgain):
    """the database did not confirm the change: {problem}"""

    code = 502
    hint_template = "Repeat it with the same request id: it is done at most once"


class TooManyConnections(TryAgain):
    """the daemon has {limit} connections, its limit"""

    code = 503


class TooManyRequests(TryAgain):
    """this connection has {limit} unanswered requests, its limit"""

    code = 504


class ShuttingDown(TryAgain):
    """the daemon is stopping"""

    code = 505


class WaitTimedOut(TryAgain):
    """still {state} after {seconds:g} s"""

    code = 506
    exit_status = 124


class NotPermitted(JobdError):
    """not permitted: {problem}"""

    code = 600
    exit_status = 77


class ForeignDaemon(NotPermitted):
    """the daemon at {path} belongs to user {uid}, not to you"""

    code = 601
    hint_template = "Set JOBD_DIR to a directory of your own (mode 0700)"


class InternalError(JobdError):
    """a bug in jobd: {problem}"""

    code = -32603
    hint_template = "The daemon's log has the details: {log}"


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
