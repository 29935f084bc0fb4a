"""jobd events: the log of everything that happened, and what happens next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import click
import msgspec
from msgspec import Meta
from msgspec.structs import replace

from jobd.commands._log import MOST_SHOWN, Part, Which, check
from jobd.commands._seeking import sought
from jobd.commands.following.news import resumed
from jobd.commands.list import List
from jobd.commands.options.choosing import group_option, name_option, since_option, together, until_option, where_option
from jobd.commands.options.kept import format_option, json_option
from jobd.commands.options.values import duration, words
from jobd.commands.rpc import Hello
from jobd.commands.screens import entries
from jobd.core.errors import BadValue, JobdError
from jobd.core.events.catalogue import Actor, Entry, leaves
from jobd.core.events.happening import Severity
from jobd.core.history.selection import Time
from jobd.core.model import Count
from jobd.core.subscriptions import news
from jobd.core.subscriptions.news import News, Pulse, Snapshot
from jobd.wire import Feed, Read, encode_items

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from jobd.client import Client
    from jobd.commands._shell import Shell
    from jobd.core.model import Job
    from jobd.core.subscriptions.interest import Interest
    from jobd.daemon.engine import Engine
    from jobd.daemon.remembered.archive import Archive
    from jobd.daemon.telling.members import Listener

EXAMPLES = """\
jobd events --job 12                       # what happened to a job
jobd events --severity high --since -7d    # what went wrong, a week long
jobd events -f 'name:backup*' tree:12      # live, of some jobs
jobd events -f --where '@mine duration < 1h'     # live, of jobs that a filter means
jobd events -f --json | jq .event.type
jobd events -f --snapshot --json           # first how things stand, then all that happens
jobd events --since-seq 12 --json          # on from the last number seen
jobd events -f --format cloudevents        # for programs that know CloudEvents
"""


#: So many lines of the log are told if nothing is said.
FEW = 100
#: Jobs of a snapshot that are written at a time.
JOBS_AT_ONCE = 64
SEVERITIES = [severity.value for severity in Severity]
TYPES = words("type", (kind.title() for kind in leaves()))


class Events(Which, Read[tuple[Entry, ...]], frozen=True):
    """Read the log, oldest first: the first entries after `since_seq`, or of a time, or else the latest.

    `until_seq` and `until` say where to stop. With conditions 10,000 entries at most are looked through, the first or
    the latest of the part: after fewer than `limit` go on 10,000 numbers further, or hear all of it from
    `events.follow`. Of a single job the frequent types are left out, unless they are named. 0 is the beginning of what
    is kept.
    """

    method: ClassVar = "events"
    long: ClassVar = True

    since_seq: Count | None = None
    until_seq: Count | None = None
    since: Time | None = None
    until: Time | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_SHOWN)] = FEW

    def answer(self, archive: Archive, caller: Actor) -> tuple[Entry, ...]:
        """Ask the archive. Raises JobNotFound for a job that never was, NotYetHappened, NoLongerKept, BadValue."""
        after, upto = self.since_seq or 0, archive.last_seq()
        check(archive, after)
        if self.until_seq is not None:
            upto = min(upto, self.until_seq)
        if self.since is not None:
            after = max(after, archive.seq_before(self.since))
        if self.until is not None:
            upto = min(upto, archive.seq_before(self.until))
        part = Part(archive, self, caller, max(after, archive.first_seq() - 1), upto)
        return tuple(part.first(self.limit) if self.onward else part.last(self.limit))

    @property
    def onward(self) -> bool:
        """Whether it has a beginning: then the first entries are meant, not the last."""
        return self.since_seq is not None or self.since is not None


class Follow(Which, Feed[News], frozen=True):
    """Tell the log from `since_seq` on (without it: from now on), as it grows; nothing is missed or repeated.

    With `snapshot` first the jobs that have not ended, and those that a room names by id, as they are; then a marker
    with the number of the last entry that they include; then every entry after it. With `coalesce` progress is told
    every so many seconds, short; with `presence` also who else watches. jobd-protocol(7) says what order is kept.
    """

    method: ClassVar = "events.follow"

    since_seq: Count | None = None
    snapshot: bool = False
    coalesce: Annotated[float, Meta(ge=0.01, le=60)] | None = None
    heartbeat: Annotated[float, Meta(ge=0.1, le=3600)] | None = None
    presence: bool = False

    @property
    def longest_silence(self) -> float | None:
        """The seconds after which a heartbeat comes."""
        return self.heartbeat

    async def tell(self, engine: Engine, caller: Actor, listener: Listener) -> None:
        """Let a channel of the daemon tell it.

        Raises JobNotFound for a job that never was, NotYetHappened, NoLongerKept, BadValue.
        """
        from jobd.daemon.telling.channel import Manner

        if self.snapshot and self.since_seq is not None:
            raise BadValue(field="since_seq", problem="a snapshot shows how things are now, and goes on from there")
        wanted = self.interest(engine.archive, caller)
        if self.since_seq is not None:
            check(engine.archive, self.since_seq)
        after = engine.hub.seq if self.since_seq is None else max(self.since_seq, engine.archive.first_seq() - 1)
        with engine.presence.watching(caller, self.method, wanted, engine.clock.now().wall):
            if self.snapshot:
                after = await _show_jobs(engine, wanted, listener)
            manner = Manner(self.coalesce, self.heartbeat, self.presence)
            await engine.channels.listen(wanted, manner, listener, after)


async def _show_jobs(engine: Engine, wanted: Interest, listener: Listener) -> int:
    """Tell the jobs as one entry of the log left them, and give its number."""
    import asyncio

    while True:
        jobs, seq = _jobs(engine, wanted), engine.seq
        try:
            await engine.committed()
        except JobdError:
            continue
        break
    for start in range(0, len(jobs), JOBS_AT_ONCE):
        views = [news.now(engine.archive.view(job)) for job in jobs[start : start + JOBS_AT_ONCE]]
        await listener.room()
        listener.tell(encode_items(listener.call_id, [msgspec.json.encode(view) for view in views]))
        await asyncio.sleep(0)
    await listener.room()
    listener.tell(encode_items(listener.call_id, [msgspec.json.encode(Snapshot(seq, len(jobs)))]))
    return seq


def _jobs(engine: Engine, wanted: Interest) -> list[Job]:
    """List the jobs that have not ended, and those that a room names by id."""
    sight = engine.archive.sight()
    ids = {job.id for job in engine.jobs.values() if not job.done}
    ids |= {room.names for room in wanted.named if room.names is not None and engine.archive.is_there(room.names)}
    return [job for job_id in sorted(ids) if wanted.holds(job_id, sight) and (job := sight.find(job_id))]


@click.command("events", epilog=EXAMPLES)
@click.argument("rooms", nargs=-1, metavar="[ROOM]...")
@click.option(
    "--since-seq", type=click.IntRange(min=0), metavar="N", help="Those after this number (default: the latest)."
)
@since_option
@until_option
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on.")
@click.option("--job", metavar="JOB", help="Only those of one job.")
@name_option
@group_option
@where_option
@click.option("--user", metavar="USER", help="Only those of jobs of this user.")
@click.option(
    *("--type", "types"),
    type=TYPES,
    multiple=True,
    metavar="TYPE",
    callback=together,
    help="Only this type of event (several: a comma between, or repeat it).",
)
@click.option("--severity", type=click.Choice(SEVERITIES), help="Only those that matter at least so much.")
@click.option(
    "--limit", type=click.IntRange(1, MOST_SHOWN), metavar="N",
    help=f"At most so many (default: the latest {FEW}; with -f, or a beginning and no terminal, all).",
)  # fmt: skip
@click.option("--snapshot", is_flag=True, help="With -f: begin with the jobs as they are.")
@click.option("--coalesce", type=duration(), metavar="TIME", help="With -f: tell progress this often, short.")
@click.option("--heartbeat", type=duration(), metavar="TIME", help="With -f: say something at least this often.")
@click.option("--presence", is_flag=True, help="With -f: tell also who else watches.")
@format_option(Entry, "entry", "{seq} {job} {event.type}", forms=("cloudevents",))
@json_option(Entry)
@click.pass_obj
def command(shell: Shell, /, *, since_seq: int | None, follow: bool, job: str | None, **asked: Any) -> None:
    """Show the log of everything that happened.

    The numbers have no gap: who goes on after the last number seen misses nothing and sees nothing twice. With --json a
    line of JSON for each. ROOM says of which jobs: all, job:ID, group:NAME, name:PATTERN, user:USER, filter:FILTER,
    tree:ID (a job and those below it); several are added up, and options narrow them down. The types are told in
    jobd-events(7). A filter is asked about each job as it is now, or was when it was removed; with --follow about the
    job as each event found and left it. Of a single job (--job, job:ID) what comes often, such as progress, is left out
    unless it is followed or named by --type.

    Exit status: 66 if the number of --since-seq is still to come, or is older than what is kept.
    """
    if job is not None:
        asked["job"] = int(job) if job.isdecimal() else _the_one(shell.client, job)
    limit, parts = asked.pop("limit"), {name: asked.pop(name) for name in ("since", "until")}
    manner = {name: asked.pop(name) for name in ("snapshot", "coalesce", "heartbeat", "presence")}
    if follow:
        if parts["until"] is not None:
            raise click.UsageError("--until and --follow exclude each other")
        if manner["snapshot"] and (since_seq, parts["since"]) != (None, None):
            raise click.UsageError("--snapshot begins with the present, so it goes without --since and --since-seq")
        if shell.asked.template or shell.asked.form:
            _refuse(manner, "says what --format leaves out; leave one of them out, or use --json", but=("coalesce",))
        if parts["since"] is not None:
            since_seq = _number(shell.client, since_seq or 0, parts["since"])
        _follow(shell, Follow(since_seq=since_seq, **manner, **asked), limit)
        return
    _refuse(manner, "goes with --follow only")
    wanted = Events(since_seq=since_seq, **parts, **asked)
    whole = limit is None and wanted.onward and not shell.screen.is_terminal
    for entry in sought(shell.client, wanted, None if whole else limit or FEW):
        entries.show(shell, entry)


def _refuse(manner: Mapping[str, Any], problem: str, but: tuple[str, ...] = ()) -> None:
    """Refuse to tell the log in a manner, if one was asked for. Raises UsageError."""
    for name, value in manner.items():
        if value and name not in but:
            raise click.UsageError(f"--{name} {problem}")


def _the_one(client: Client, word: str) -> int:
    """Find the id of the one job that a word names. Raises BadValue if it names several or none, JobNotFound."""
    found = client.call(List(jobs=(word,)))
    if len(found) != 1:
        raise BadValue(field="job", problem=f"name one job; this names {len(found)}")
    return found[0].id


def _follow(shell: Shell, asked: Follow, limit: int | None) -> None:
    """Show what happens, through restarts of the daemon: once seen, a number is where to go on; so many at most."""
    seen = asked.since_seq
    if seen is None and not asked.snapshot:
        seen = _latest(shell.client)

    def ask() -> Follow:
        return replace(asked, since_seq=seen, snapshot=asked.snapshot and seen is None)

    told = 0
    for item in resumed(shell.client, ask):
        entries.show(shell, item)
        told += isinstance(item, Entry)
        if told == limit:
            return
        if isinstance(item, Entry | Snapshot | Pulse):
            seen = item.seq


def _latest(client: Client) -> int:
    """Ask for the number of the latest entry, and have a daemon that tells the next ones."""
    client.call(Hello())
    return max((entry.seq for entry in client.call(Events(limit=1))), default=0)


def _number(client: Client, after: int, since: datetime) -> int:
    """Give the number after which a time begins."""
    client.call(Hello())
    found = client.call(Events(since_seq=after, since=since, limit=1))
    return found[0].seq - 1 if found else max(after, _latest(client))
