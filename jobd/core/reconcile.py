"""What to do with an attempt that a daemon finds: a table over what the database and the attempt's directory say.

The facts are read in the order lock, claim, exit: the exit record is written before the lock is released, so a free
lock without an exit record is final. Three rules stand behind the table. What may have run is never run again: an exit
record, or a shim's claim without the proof that it never ran, counts more than anything else. Absence proves nothing
across a reboot: only the exit record was forced to the disk. The identity of the boot is not enough in containers,
where it stays the same after a restart; a lock that is held and the start of a process in ticks cover that.
"""

from enum import StrEnum
from typing import NamedTuple

import msgspec


class Row(StrEnum):
    """What the database knows of the attempt."""

    TERMINAL = "terminal"  #: the attempt has ended
    OPEN = "open"  #: it is open
    WAITING = "waiting"  #: it was withdrawn: its job waits for another attempt, or has one, or has ended
    NONE = "none"  #: no such job, or only older attempts: the database is older than the directory


class Claim(StrEnum):
    """Who made the attempt's claim; a garbled one counts as absent."""

    NONE = "none"
    SHIM = "shim"
    FENCE = "fence"


class Verdict(StrEnum):
    """What follows."""

    CLEAN = "clean"  #: finish the clean-up of an attempt that has ended
    WATCH = "watch"  #: nothing more is expected of it, but its shim still lives: look again when the lock is free
    FINISH = "finish"  #: record the end from the exit record
    DRAIN = "drain"  #: the main process has ended, its shim lives: adopt as completing
    ADOPT = "adopt"  #: it runs under its shim: watch both
    ADOPT_ORPHAN = "adopt_orphan"  #: it runs, its shim was killed
    REQUEUE = "requeue"  #: it never ran and never will
    FENCE = "fence"  #: try to take the claim; whoever has it then, look again
    LOST_SHIM = "lost_shim"  #: it may have run, nobody can say how it ended
    LOST_REBOOT = "lost_reboot"  #: the machine was restarted under it
    IMPORT = "import"  #: make a job of it, then look again
    DISCARD = "discard"  #: nothing ever ran here, nobody waits for it: remove the directory
    KEEP = "keep"  #: it cannot be understood: keep it aside, tell somebody


class Facts(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What was found."""

    row: Row
    locked: bool = False
    claim: Claim = Claim.NONE
    exited: bool = False
    same_boot: bool = True
    main_alive: bool = False
    never_ran: bool = False
    spec_readable: bool = True


class Rule(NamedTuple):
    """One line of the table: a verdict and the facts it needs; None = any."""

    row: Row
    verdict: Verdict
    locked: bool | None = None
    claim: Claim | None = None
    exited: bool | None = None
    same_boot: bool | None = None
    main_alive: bool | None = None
    never_ran: bool | None = None
    spec_readable: bool | None = None

    def fits(self, facts: Facts) -> bool:
        """Whether the facts are those of this line."""
        needed = zip(self._fields, self, strict=True)
        return all(value is None or name == "verdict" or value is getattr(facts, name) for name, value in needed)


#: The first line that fits holds.
RULES = (
    Rule(Row.TERMINAL, Verdict.WATCH, locked=True),
    Rule(Row.TERMINAL, Verdict.CLEAN),
    Rule(Row.OPEN, Verdict.DRAIN, exited=True, locked=True, claim=Claim.SHIM),
    Rule(Row.OPEN, Verdict.FINISH, exited=True),
    Rule(Row.OPEN, Verdict.ADOPT, claim=Claim.SHIM, locked=True),
    Rule(Row.OPEN, Verdict.FENCE, claim=Claim.NONE, locked=True),
    Rule(Row.OPEN, Verdict.LOST_REBOOT, same_boot=False),
    Rule(Row.OPEN, Verdict.FENCE, claim=Claim.NONE),
    Rule(Row.OPEN, Verdict.REQUEUE, claim=Claim.FENCE),
    Rule(Row.OPEN, Verdict.REQUEUE, never_ran=True),
    Rule(Row.OPEN, Verdict.ADOPT_ORPHAN, main_alive=True),
    Rule(Row.OPEN, Verdict.LOST_SHIM),
    Rule(Row.WAITING, Verdict.IMPORT, exited=True, spec_readable=True),
    Rule(Row.WAITING, Verdict.IMPORT, claim=Claim.SHIM, never_ran=False, spec_readable=True),
    Rule(Row.WAITING, Verdict.FENCE, claim=Claim.NONE, exited=False, locked=True),
    Rule(Row.WAITING, Verdict.WATCH, locked=True),
    Rule(Row.WAITING, Verdict.KEEP, exited=True),
    Rule(Row.WAITING, Verdict.KEEP, claim=Claim.SHIM, never_ran=False),
    Rule(Row.WAITING, Verdict.FENCE, claim=Claim.NONE, same_boot=True),
    Rule(Row.WAITING, Verdict.DISCARD),
    Rule(Row.NONE, Verdict.IMPORT, exited=True, spec_readable=True),
    Rule(Row.NONE, Verdict.IMPORT, claim=Claim.SHIM, spec_readable=True),
    Rule(Row.NONE, Verdict.FENCE, claim=Claim.NONE, exited=False, locked=True),
    Rule(Row.NONE, Verdict.WATCH, locked=True),
    Rule(Row.NONE, Verdict.KEEP, exited=True),
    Rule(Row.NONE, Verdict.KEEP, claim=Claim.SHIM),
    Rule(Row.NONE, Verdict.FENCE, claim=Claim.NONE, same_boot=True),
    Rule(Row.NONE, Verdict.DISCARD),
)


def examine(facts: Facts) -> Verdict:
    """Say what to do about one attempt."""
    return next(rule.verdict for rule in RULES if rule.fits(facts))
