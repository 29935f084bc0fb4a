"""Filters with a name: `@failed` stands for what the table says, in parentheses; saved ones are given to `parse`.

The rule: a preset is a filter like any other, so it may use others, but never itself.
"""

from typing import NamedTuple

from jobd.core.estimates.usual import ENOUGH_RUNS


class Preset(NamedTuple):
    """A filter with a name."""

    name: str
    text: str
    help: str


def slower(share: str) -> str:
    """Write the filter for jobs that take longer than so much of what 95 % of the earlier runs took at most."""
    return f"over_p95 > {share} AND usual.runs >= {ENOUGH_RUNS}"


#: Those that there always are.
BUILT_IN: tuple[Preset, ...] = (
    Preset("active", "state not in (completed, canceled, failed)", "Has not ended."),
    Preset("ended", "state in (completed, canceled, failed)", "Has ended, one way or the other."),
    Preset("waiting", "state = pending", "Waits to be started."),
    Preset("running", "state = running", "Runs now."),
    Preset("paused", "state in (pausing, paused)", "Stands still."),
    Preset("completed", "state = completed", "Ended well."),
    Preset("failed", "state = failed", "Ended badly."),
    Preset("canceled", "state in (canceling, canceled)", "Was, or is being, canceled."),
    Preset("unwell", "state = failed OR warned > 0 OR items.failed > 0", "Failed, or something in it did."),
    Preset("oom", "reason = oom", "Was ended for want of memory."),
    Preset("lost", "reason = lost", "Nobody saw how it ended."),
    Preset("stale", "stale = yes", "Is silent for longer than it promised."),
    Preset(
        "slow",
        slower("100%"),
        f"Takes, or took, longer than 95 % of the earlier runs of its name, if there are at least {ENOUGH_RUNS}.",
    ),
    Preset("long", "duration > 1h", "Takes, or took, more than an hour."),
    Preset("retried", "attempts > 1", "Was tried more than once."),
    Preset("warned", "warned > 0", "Has warnings."),
    Preset("begun", "begun = yes", "Was started by something else than jobd."),
    Preset("mine", "uid = me", "Submitted by whoever asks."),
    Preset("today", "created >= today", "Submitted since midnight."),
    Preset("yesterday", "created = yesterday", "Submitted the day before."),
    Preset("week", "created >= -7d", "Submitted in the last seven days."),
)

TEXTS: dict[str, str] = {preset.name: preset.text for preset in BUILT_IN}
