"""The manual page of the language in which jobs are chosen, jobd-filter(7), from the tables that read it.

The examples are read by a test, and asked of a database.
"""

import inspect
from collections.abc import Iterable, Iterator

from jobd.core.filters.fields import FIELDS, Told, listing
from jobd.core.filters.kinds import Kind
from jobd.core.filters.operators import OPERATORS, symbols
from jobd.core.filters.parsing import FUNCTIONS
from jobd.core.filters.presets import BUILT_IN
from jobd.core.filters.scope import MOST, MOST_LEVELS
from jobd.manual.mdoc import Page, call

#: What is said of the language as a whole: paragraphs by heading.
PROSE = {
    "DESCRIPTION": """
        A filter says which jobs are meant, wherever a command takes one. It is one text, so a shell wants it in
        quotes: `jobd history 'state = failed AND duration > 20m'`.

        The same filter means the same for jobs that run and for those in the history.
        """,
    "GRAMMAR": """
        A filter is made of conditions. A condition is a comparison of a field with a value, a word, a preset, or a
        filter in parentheses. Spaces around operators may be left out.

        `AND` and `OR` join conditions, in any case of letters; nothing between two conditions is AND. `NOT`, or a `-`
        directly before a condition, means that it does not hold; it binds tightest. AND and OR are not mixed without
        parentheses: languages differ in which of them binds tighter, so jobd asks.

        A value with a space, a comma or a parenthesis stands in quotes, double or single. A backslash takes the
        meaning from the character after it, so `\\*` is a star and no wildcard; `\\n` is a new line, `\\t` a tab, and
        before any other letter or digit it stands for itself.

        A word, or a text in quotes, without an operator is looked for in all that is said of a job: its name, command,
        reason and detail, last message, stage, warnings, and labels as NAME=value. It is found anywhere, within words
        too, whatever the case of the letters; of a very long command or message only in what comes first, some 16,000
        characters of all that together.
        """,
    "UNKNOWN VALUES": """
        A value may not be known: a job that waits has no exit_code, and not every job has a label env. A comparison
        with it is false, whatever the operator. So `label.env != prod` are jobs that have the label with another value,
        and `NOT label.env = prod` also those without it. `is null` and `is set` ask whether there is a value.
        """,
    "TIMES": """
        A time lasts as long as it is exact: `created = yesterday` is all of that day, `created > 14:30` begins at
        14:31, `ended <= 2026-11-20` goes to the end of the day, and `between` holds both. A time without a zone is in
        that of who asks: TZ, or else of the machine. `-2h` is two hours ago. All of it is worked out once, when the
        filter is read.
        """,
    "REGULAR EXPRESSIONS": """
        They are those of RE2: like those of Perl, without what can take for ever (references to a group, looking ahead
        or behind). `(?i)` at the beginning lets the case of letters make no difference. They are found anywhere in a
        text; `^` and `$` stand for its ends. In quotes their backslashes are not taken away.
        """,
}

#: What a function stands for.
FUNCTIONS_TOLD = {
    "text": 'A text that is looked for: `"disk full"`.',
    "regex": "A regular expression: `FIELD ~ EXPRESSION`.",
    "tag": "A label: `labels:NAME`.",
}
#: What can be asked, and the filter that asks for it.
EXAMPLES = {
    "state = failed": "Jobs that have failed.",
    "state in (failed, canceled) ended >= today": "Those that failed or were canceled since midnight.",
    "@failed @today name = backup*": "Failed today, with a name that begins with backup.",
    'name = "backup*" AND (state = failed OR duration > 20m)': "Failed, or slow.",
    "reason = exit:* exit_code not in (1, 2)": "Ended with an exit status other than 1 or 2.",
    "signal = KILL OR @oom": "Killed, or out of memory.",
    "codec": "Jobs of which the word is said: in the command, a message, a warning, a label.",
    '"disk full" -name = test*': "The two words as they stand, but not of tests.",
    "message:timeout": "The last message has the word in it.",
    "command ~ '\\brsync .*--delete\\b'": "The command fits a regular expression.",
    "command *= ffmpeg cwd ^= /srv/video": "The command contains one text, the directory begins with another.",
    "label.env = prod -label.owner is set": "With this label, and without an owner.",
    "labels:env": "With a label env, whatever its value.",
    'label."cost centre" in (17, 18)': "A label whose name needs quotes.",
    "duration between 5m and 2h": "Ran for so long.",
    "wait > 10m group = night": "Waited for its start for more than ten minutes.",
    "memory > 4G OR written >= 100GiB": "Used much.",
    "cpu > 2h created >= -30d": "Used two hours of CPU, in the last thirty days.",
    "ratio > 200%": "Took more than twice as long as usual.",
    "progress < 50% state = running updated < -10m": "Less than half done, and silent for ten minutes.",
    "items.failed > 0 state = completed": "Ended well, although items failed.",
    "created = yesterday uid = me": "Your jobs of yesterday.",
    "started between 02:00 and 04:00": "Started last night, between these times of today.",
    "ended >= 2026-11-01 ended < 2026-12-01T00:00:00Z": "Ended in November.",
    "id between 100 and 199 attempts > 1": "Of these, the ones that were tried again.",
    "parent = 17 NOT @ended": "Jobs that belong to another one and have not ended.",
    "exit_code is null @ended": "Ended, and nobody knows with which status.",
    "begun = yes stale = yes": "Started elsewhere, and silent for too long.",
    "warned > 0 warnings !~ '(?i)deprecat'": "With warnings of which none is about what is deprecated.",
    "priority >= 10 state = pending": "Urgent, and still waiting.",
}


def filter_page() -> str:
    """Write jobd-filter(7)."""
    page = Page("jobd-filter", 7, "the language in which jobs are chosen")
    for heading in ("DESCRIPTION", "GRAMMAR"):
        _prose(page, heading)
    page.heading("OPERATORS")
    page.items(_operators())
    for heading in ("UNKNOWN VALUES", "TIMES", "REGULAR EXPRESSIONS"):
        _prose(page, heading)
    page.heading("FIELDS")
    page.items((f"{call('Va', told.name)[1:]} Pq {told.kind}", [_told(told)]) for told in listing())
    page.heading("VALUES")
    page.items((call("Em", kind.name)[1:], [f"{kind.help} Operators: {_listed(symbols(kind))}."]) for kind in _kinds())
    page.heading("PRESETS")
    page.paragraph("A preset stands for a filter, as if that were written in parentheses. It may use others.")
    page.items((call("Cm", f"@{preset.name}")[1:], [f"{preset.help} `{preset.text}`"]) for preset in BUILT_IN)
    page.heading("FUNCTIONS")
    page.paragraph("Other ways to write the same, as in the filters of other programs.")
    page.items((call("Fn", name, *takes)[1:], [FUNCTIONS_TOLD[name]]) for name, takes in FUNCTIONS.items())
    page.heading("LIMITS")
    most = [f"{number:,} {what}" for what, number in MOST.items()]
    page.paragraph(f"A filter has at most {_listed(most)}, and {MOST_LEVELS} levels of AND and OR within one another.")
    page.heading("EXAMPLES")
    for text, meaning in EXAMPLES.items():
        page.paragraph(meaning)
        page.literal([text])
    page.see_also([(1, "jobd"), (1, "jobd-history"), (1, "jobd-list"), (7, "jobd-states")])
    return page.text()


def _prose(page: Page, heading: str) -> None:
    page.heading(heading)
    for paragraph in inspect.cleandoc(PROSE[heading]).split("\n\n"):
        page.paragraph(" ".join(paragraph.split()))


def _operators() -> Iterator[tuple[str, list[str]]]:
    """Tell of each sign, with all that its rows say of it."""
    for symbol in dict.fromkeys(row.symbol for row in OPERATORS.values()):
        first = next(row for row in OPERATORS.values() if row.symbol == symbol)
        yield call("Ic", symbol)[1:], [first.help]


def _told(told: Told) -> str:
    return f"{told.help} Also called {_listed(told.aliases)}." if told.aliases else told.help


def _kinds() -> list[Kind]:
    return list(dict.fromkeys(field.kind for field in FIELDS))


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
