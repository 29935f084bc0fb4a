"""Which requests were answered: the latest ids in memory, so that a new request costs no search in the file."""

from collections.abc import Iterable
from pathlib import Path

from jobd.daemon.storage.reader import Reader
from jobd.daemon.storage.rows import Reply

#: Ids in memory, some 100 bytes each; if the file holds more, an id that is not among them is looked up.
MOST_IDS = 65_536


class Replies:
    """The answers in the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ids: dict[str, None] = {}
        self._complete = True

    def load(self) -> None:
        """Read the latest ids."""
        self._reader = Reader(self._path)
        ids = self._reader.reply_ids(MOST_IDS + 1)
        self._complete = len(ids) <= MOST_IDS
        self._ids = dict.fromkeys(ids[-MOST_IDS:])

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def add(self, ids: Iterable[str]) -> None:
        """Take in requests whose answers have become durable."""
        self._ids.update(dict.fromkeys(ids))
        while len(self._ids) > MOST_IDS:
            del self._ids[next(iter(self._ids))]
            self._complete = False

    def find(self, request_id: str) -> Reply | None:
        """Find the answer to a request."""
        if self._complete and request_id not in self._ids:
            return None
        return self._reader.reply(request_id)
