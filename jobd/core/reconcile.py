"""What to do with an attempt that a daemon finds: a pure function over what the database and the attempt's directory say.

The facts are read in the order lock, claim, exit: the exit record is written before the lock is released, so a free lock without
an exit record is final. The identity of the boot is not enough in containers (it stays the same after a restart); lock and ticks
cover that.
"""

from enum import StrEnum

import msgspec


class Row(StrEnum):
    """What the database knows of the attempt."""

    TERMINAL = "terminal"  #: the attempt has ended
    OPEN = "open"  #: it is open
    WAITING = "waiting"  #: the job waits and no attempt is open, or a newer attempt is
    NONE = "none"  #: no such job, or only older attempts


class Claim(StrEnum):
    """Who made the attempt's claim; a garbled one counts as absent."""

    NONE = "none"
    SHIM = "shim"
    FENCE = "fence"


class Verdict(StrEnum):
    """What follows."""

    CLEAN = "clean"  #: finish the clean-up of an attempt that has ended
    WATCH = "watch"  #: it has ended, its tree still drains: watch the shim, then clean up
    FINISH = "finish"  #: record the end from the exit record
    DRAIN = "drain"  #: the main process has ended, its shim lives: adopt as completing
    ADOPT = "adopt"  #: it runs under its shim: watch both
    ADOPT_ORPHAN = "adopt_orphan"  #: it runs, its shim was killed
    REQUEUE = "requeue"  #: it never ran and never will
    FENCE = "fence"  #: try to take the claim: won means requeue, lost means look again
    LOST_SHIM = "lost_shim"  #: it may have run, nobody can say how it ended
    LOST_REBOOT = "lost_reboot"  #: the machine was restarted under it
    IMPORT = "import"  #: make a job of it, then look again
    DISCARD = "discard"  #: nothing ever ran here, nobody waits for it: remove the directory
    KEEP = "keep"  #: it cannot be understood: keep it aside, tell somebody


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What was found."""

    row: Row
    locked: bool = False
    claim: Claim = Claim.NONE
    exited: bool = False
    same_boot: bool = True
    main_alive: bool = False
    never_ran: bool = False
    spec_readable: bool = True


def examine(facts: Facts) -> Verdict:
    """Say what to do about one attempt."""
    return _BY_ROW[facts.row](facts)


def _terminal(facts: Facts) -> Verdict:
    return Verdict.WATCH if facts.locked else Verdict.CLEAN


def _open(facts: Facts) -> Verdict:
    if facts.claim is Claim.FENCE:
        return Verdict.REQUEUE if facts.same_boot else Verdict.LOST_REBOOT
    if facts.exited:
        return Verdict.DRAIN if facts.locked else Verdict.FINISH
    if facts.claim is Claim.NONE:
        return Verdict.FENCE if facts.same_boot or facts.locked else Verdict.LOST_REBOOT
    if facts.locked:
        return Verdict.ADOPT
    if not facts.same_boot:
        return Verdict.LOST_REBOOT
    if facts.main_alive:
        return Verdict.ADOPT_ORPHAN
    return Verdict.REQUEUE if facts.never_ran else Verdict.LOST_SHIM


def _waiting(facts: Facts) -> Verdict:
    if facts.claim is Claim.SHIM or facts.exited:
        return _unknown(facts)
    return Verdict.FENCE if facts.claim is Claim.NONE and facts.same_boot else Verdict.DISCARD


def _unknown(facts: Facts) -> Verdict:
    if facts.claim is Claim.SHIM or facts.exited:
        return Verdict.IMPORT if facts.spec_readable else Verdict.KEEP
    return Verdict.DISCARD


_BY_ROW = {Row.TERMINAL: _terminal, Row.OPEN: _open, Row.WAITING: _waiting, Row.NONE: _unknown}
