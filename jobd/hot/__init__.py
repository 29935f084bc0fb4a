"""What a script or a TAB key calls in a loop, with nothing loaded: progress, beat, stage, message and __complete.

The rule: only what the interpreter itself has loaded, and C modules without imports of their own. A line is appended to
the report file of the surrounding job, or sent to the daemon and its durable answer awaited. Whatever is unusual (help,
other options, a bad line, nobody who listens, an error as the answer) is left to the program, which says it properly.
"""

import posix
import sys
from posix import environ

#: What goes before the words of each verb to make a report line; None is no report.
VERBS = {
    "progress": "",
    "beat": "beat",
    "stage": "stage ",
    "stages": "stages ",
    "item": "item ",
    "message": "message ",
    "note": "message ",
    "__complete": None,
}

#: As in core.work.report, whose `parse` decides in the end, and core.work.items.
LONGEST_LINE, LONGEST_TEXT, LONGEST_UNIT, LONGEST_KEY, LARGEST = 4096, 1000, 100, 200, 1e15
PERCENT_DIGITS, COUNT_DIGITS = 3, 15
ITEM_STATES = "pending processing completed failed skipped canceled cancelled done".split()
#: The limits of the numbers of a report in JSON, and of its texts: (least, and whether it may be reached, most).
NUMBERS = {"fraction": (0, True, 1), "done": (0, True, LARGEST), "total": (0, False, LARGEST)}
TEXTS = {"unit": LONGEST_UNIT, "message": LONGEST_TEXT, "stage": LONGEST_TEXT}

CHUNK = 1 << 16
#: The exit status if what was read cannot be written: that of core.errors.OutputFailed.
BROKEN_OFF = 74


class _PlainJson:
    """How the scanner of the json package reads, without the package."""

    strict = True
    parse_float = float
    parse_int = int
    object_hook = None

    @staticmethod
    def object_pairs_hook(pairs: list[tuple[str, object]]) -> list[tuple[str, object]]:
        """Keep an object as its pairs, so that a name said twice is seen."""
        return pairs

    @staticmethod
    def parse_constant(name: str) -> object:
        """Refuse NaN and Infinity."""
        raise ValueError(name)


def run(arguments: list[str]) -> int | None:
    """Do what the words say and give the exit status; None if it is to be done in another way."""
    verb, *words = arguments
    prefix = VERBS[verb]
    if prefix is None:
        return _complete(words)
    if verb == "item" and words == ["--stdin"]:
        return _append_all(prefix.encode())
    job, words = _job(words)
    if any(word.startswith("-") for word in words) or (verb == "beat" and words):
        return None
    if verb == "item" and len(words) > 1:
        words[0] = _quoted(words[0])
    text = (prefix + " ".join(words)).encode(sys.getfilesystemencoding(), "surrogateescape")
    line = text.replace(b"\n", b" ")
    try:
        return 0 if acceptable(line) and _tell(job, line) else None
    except (OSError, ValueError, ImportError):
        return None


def _tell(job: str | None, line: bytes) -> bool:
    """Append a line to the report file, or tell the daemon what it says of a job; say whether that was done."""
    if job is None:
        return append(line + b"\n")
    said = line.decode("utf-8", "backslashreplace")
    return _ask("progress", {"job": job, "line": said, "request_id": posix.urandom(16).hex()}) is not None


def _job(words: list[str]) -> tuple[str | None, list[str]]:
    if words and words[0].startswith("--job="):
        return words[0][len("--job=") :], words[1:]
    if len(words) > 1 and words[0] == "--job":
        return words[1], words[2:]
    return None, words


def _quoted(key: str) -> str:
    """Write the key of an item as core.work.items does; what needs other escapes is left to the program."""
    is_plain = key.split() == [key] and key[0] not in '"{'
    return key if is_plain else '"' + key.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def append(line: bytes) -> bool:
    """Append to the report file of this job, if there is one: by the descriptor if it still is that file, or by name.

    Says whether all of it was written. Raises OSError.
    """
    report, inherited = _report(), environ.get(b"JOBD_FD", b"")
    if not report:
        return False
    found = posix.stat(report)
    if inherited.isdigit() and _is_open_on(int(inherited), found):
        return posix.write(int(inherited), line) == len(line)
    return posix.write(posix.open(report, posix.O_WRONLY | posix.O_APPEND | posix.O_CLOEXEC), line) == len(line)


def _report() -> bytes:
    """Name the report file of this job; that of another one, in which it was begun, is none."""
    report, job = environ.get(b"JOBD_REPORT", b""), environ.get(b"JOBD_JOB_ID", b"")
    number, dot, _ = report.rpartition(b"/")[0].rpartition(b"/")[2].partition(b".")
    return b"" if job and dot and number.isdigit() and number != job else report


def _append_all(prefix: bytes) -> int | None:
    """Append all lines of the standard input; what makes no sense becomes a warning of the job.

    None if nothing was read yet and the report file has gone, or there is nothing to read from.
    """
    if sys.stdin is None:
        return None
    try:
        descriptor = posix.open(_report(), posix.O_WRONLY | posix.O_APPEND | posix.O_CLOEXEC)
        chunk = posix.read(0, CHUNK)
    except OSError:
        return None
    rest, taken = b"", 0
    try:
        while rest or chunk:
            *lines, rest = (rest + (chunk or b"\n")).split(b"\n")
            said = [line if line.lstrip().startswith(b"{") else prefix + line for line in lines if line.strip()]
            left = b"".join(line + b"\n" for line in said)
            while left:
                written = posix.write(descriptor, left)
                taken += left.count(b"\n", 0, written)
                left = left[written:]
            chunk = chunk and posix.read(0, CHUNK)
    except OSError as error:
        return _broken_off(f"jobd: item --stdin: {error.strerror}; {taken or 'no'} lines before that were taken in\n")
    return 0


def _broken_off(text: str) -> int:
    try:
        posix.write(2, text.encode("utf-8", "backslashreplace"))
    except OSError:
        return BROKEN_OFF
    return BROKEN_OFF


def _is_open_on(descriptor: int, found: posix.stat_result) -> bool:
    try:
        opened = posix.fstat(descriptor)
    except OSError:
        return False
    return (opened.st_dev, opened.st_ino) == (found.st_dev, found.st_ino)


def _complete(words: list[str]) -> int:
    """Print what a word may become, one a line: the word, a tab, a description; nothing if nobody answers."""
    try:
        found = _ask("completion.words", {"kind": words[0], "prefix": "".join(words[1:2])}) if words else None
        lines = "".join(f"{word}\n" for word in found) if isinstance(found, list) else ""
        left = lines.encode("utf-8", "backslashreplace")
        while left:
            left = left[posix.write(1, left) :]
    except (OSError, ValueError, ImportError):
        return 0
    return 0


def _ask(method: str, parameters: dict[str, str]) -> object:
    """Ask the daemon and give its result; None if there was an error, or nobody to ask."""
    from jobd.hot.asking import ask

    answer = ask(method, parameters)
    return dict(decode(answer)).get("result") if answer else None


def decode(line: bytes) -> list[tuple[str, object]]:
    """Read one JSON object as its pairs. Raises ValueError."""
    from _json import make_scanner

    text = line.decode()
    try:
        value, end = make_scanner(_PlainJson())(text, 0)  # type: ignore[arg-type]
    except (StopIteration, RecursionError, SystemError):  # the last: it wants an error class of the package
        value, end = None, 0
    if not isinstance(value, list) or text[end:].strip(" \t\r\n"):
        raise ValueError(text)
    return value


def acceptable(line: bytes) -> bool:
    """Say whether core.work.report takes it: `40%`, `3/10 words`, `stage x`, `message x`, `beat`, or an object."""
    if len(line) > LONGEST_LINE:
        return False
    line = line.strip()
    if line.startswith(b"{"):
        return _is_object(line)
    text = line.decode("utf-8", "backslashreplace")
    if text.startswith("item") and text[4:5].isspace():
        return _is_item(text[4:].lstrip())
    for key in ("stage", "message", "note"):
        if text.startswith(key) and text[len(key) : len(key) + 1].isspace():
            return len(text) > len(key) + 1 and _is_text(text, len(key))
    end = _after_percent(text) or _after_count(text)
    return text == "beat" or (end > 0 and _is_text(text, end))


def _is_item(text: str) -> bool:
    """Whether a key stands there, and a state or a number, and perhaps words."""
    key, said = _parted(text)
    said = said.lstrip()
    word = said.partition(" ")[0]
    end = len(word) if word in ITEM_STATES else _after_percent(said) or _after_count(said)
    return 0 < len(key) <= LONGEST_KEY and key.isprintable() and end > 0 and _is_text(said, end)


def _parted(text: str) -> tuple[str, str]:
    """Part a key, which may stand in quotes as in JSON, from what is said of it; two empty texts if that fails."""
    if not text.startswith('"'):
        key, _, said = text.partition(" ")
        return key, said
    from _json import scanstring

    try:
        key, end = scanstring(text, 1)
    except (ValueError, SystemError):
        return "", ""
    return (key, text[end:]) if text[end : end + 1].isspace() else ("", "")


def _is_text(text: str, at: int) -> bool:
    """Whether nothing stands there, or words after a space; what is cut off may be anything."""
    return at == len(text) or (text[at].isspace() and "\0" not in text[at:].lstrip()[:LONGEST_TEXT])


def _after_percent(text: str) -> int:
    end = _number(text, 0, PERCENT_DIGITS)
    sign = _space(text, end)
    return sign + 1 if end > 0 and text[sign : sign + 1] == "%" and float(text[:end]) / 100 <= 1 else 0


def _after_count(text: str) -> int:
    done = _number(text, 0, COUNT_DIGITS)
    slash = _space(text, done)
    start = _space(text, slash + 1)
    end = _number(text, start, COUNT_DIGITS)
    if done == 0 or end == start or text[slash : slash + 1] != "/":
        return 0
    return end if 0 < float(text[start:end]) >= float(text[:done]) else 0


def _number(text: str, start: int, most_digits: int) -> int:
    """Find the end of a number; its start if there is none."""
    end = _digits(text, start)
    if not start < end <= start + most_digits:
        return start
    if text[end : end + 1] == "." and (stop := _digits(text, end + 1)) > end + 1:
        return stop
    return end


def _digits(text: str, at: int) -> int:
    while "0" <= text[at : at + 1] <= "9":
        at += 1
    return at


def _space(text: str, at: int) -> int:
    return at + text[at : at + 1].isspace()


def _is_object(line: bytes) -> bool:
    try:
        pairs = decode(line)
    except ValueError:
        return False
    said = dict(pairs)
    done, total = said.get("done"), said.get("total")
    more_than_all = isinstance(done, int | float) and isinstance(total, int | float) and done > total
    clean = not any(isinstance(said.get(name), str) and "\0" in str(said[name]) for name in TEXTS)
    return clean and not more_than_all and all(_is_fit(name, value) for name, value in pairs)


def _is_fit(name: str, value: object) -> bool:
    if name in TEXTS and isinstance(value, str):
        return len(value) <= TEXTS[name] and not any("\ud800" <= letter <= "\udfff" for letter in value)
    if name == "restart" or isinstance(value, bool):
        return name == "restart" and isinstance(value, bool)
    if name in NUMBERS and isinstance(value, int | float):
        least, reached, most = NUMBERS[name]
        return least <= value <= most and (reached or value != least)
    return value is None and (name in NUMBERS or name in TEXTS)
