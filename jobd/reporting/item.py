"""One of the things that a job works on, as the program sees it."""

from jobd.reporting import lines
from jobd.reporting.outbox import Outbox


class Item:
    """Says how one item of a job goes; every change of its state is kept."""

    def __init__(self, outbox: Outbox | None, key: str, weight: float | None) -> None:
        self._outbox = outbox
        self._about = lines.ItemWords(item=lines.text(key, lines.LONGEST_KEY))
        if not self._about["item"]:
            raise ValueError("an item needs a key")
        if weight is not None:
            self._about["weight"] = lines.amount(weight)

    def pending(self, message: str | None = None) -> None:
        """Say that it is still to be done."""
        self._say({"state": "pending"}, message)

    def processing(self, message: str | None = None) -> None:
        """Say that it is being worked on."""
        self._say({"state": "processing"}, message)

    def completed(self, message: str | None = None) -> None:
        """Say that it is done."""
        self._say({"state": "completed"}, message)

    def failed(self, why: object = None) -> None:
        """Say that it has failed, with a text or an exception."""
        said = lines.ItemWords(state="failed")
        if why:
            said["error"] = lines.failure(why) if isinstance(why, BaseException) else lines.text(why)
        self._say(said, None)

    def skipped(self, why: str | None = None) -> None:
        """Say that nothing is to be done for it."""
        self._say({"state": "skipped"}, why)

    def canceled(self, why: str | None = None) -> None:
        """Say that it will not be done."""
        self._say({"state": "canceled"}, why)

    def progress(self, fraction: float, message: str | None = None) -> None:
        """Say how far it is, from 0 to 1. Raises ValueError for NaN."""
        said = lines.ItemWords(fraction=lines.amount(fraction, "fraction", 1.0))
        self._say(said, message, ("item", self._about["item"]))

    def _say(self, said: lines.ItemWords, message: object, key: object = None) -> None:
        if message:
            said["message"] = lines.text(message)
        if self._outbox:
            self._outbox.say(lines.item({**self._about, **said}), key)
