"""Entries of the log as CloudEvents (JSON event format, 1.0.2), for programs that know those."""

import socket
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import msgspec

from jobd.core.events.catalogue import Entry

#: The largest number of an entry has so many digits: a sequence is compared as text.
DIGITS = 19


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope; `sequence` is an extension of the specification, `data` the entry as in the log."""

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    time: datetime
    subject: str
    sequence: str
    datacontenttype: str = "application/json"
    data: Entry


def source(state: Path) -> str:
    """Name the log of a state directory on this machine, as a reference to a URI."""
    return f"//{socket.gethostname()}{quote(str(state))}"


def enveloped(entry: Entry, origin: str) -> CloudEvent:
    """Put an entry of the log of that origin into its envelope."""
    return CloudEvent(
        id=str(entry.seq), source=origin, type=f"jobd.{entry.event.title()}", time=entry.at, subject=f"job/{entry.job}",
        sequence=f"{entry.seq:0{DIGITS}}", data=entry,
    )  # fmt: skip
