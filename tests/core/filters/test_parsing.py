"""What people write is what is meant: each form of the language, and the one text that stands for it."""

import pytest

from jobd.core.filters import FIELDS, Asker, parse
from tests.core.filters.reading import BERLIN, NOW, read

READ = {
    # Joining.
    "state=failed": "state = failed",
    "  state\n=\tfailed ": "state = failed",
    "name=a state=failed": "name = a AND state = failed",
    "name=a and state=failed AND id=1": "name = a AND state = failed AND id = 1",
    "(name=a) (state=failed id=1)": "name = a AND state = failed AND id = 1",
    "name=a Or name=b oR (name=c or name=d)": "name = a OR name = b OR name = c OR name = d",
    "name=a (id=1 OR id=2)": "name = a AND (id = 1 OR id = 2)",
    "(name=a id=1) OR id=2": "(name = a AND id = 1) OR id = 2",
    "((((name=a))))": "name = a",
    "NOT name=a id=1": "NOT name = a AND id = 1",
    "not(name=a id=1)": "NOT (name = a AND id = 1)",
    "-name=a": "NOT name = a",
    "-(name=a OR id=1)": "NOT (name = a OR id = 1)",
    "not not name=a": "name = a",
    "NOT -name=a": "name = a",
    # Words.
    "disk": "disk",
    "disk \"is full\" 'of it'": 'disk AND "is full" AND "of it"',
    "-disk": "NOT disk",
    "a-b c++ 100% http can't what? x!": '"a-b" AND "c++" AND "100%" AND http AND "can\'t" AND "what?" AND "x!"',
    "in progress": "in AND progress",
    "it is full": "it AND is AND full",
    "android notes order": "android AND notes AND order",
    r'"say \"hi\"\n"': r'"say \"hi\"\n"',
    r"a\ b\(c\)": '"a b(c)"',
    r"\!a '!b' \@c '-d' \-e": '"!a" AND "!b" AND "@c" AND "-d" AND "-e"',
    'text("disk full") text(x)': '"disk full" AND x',
    # Values.
    "name = 'a b'": 'name = "a b"',
    "name=back*": 'name = "back*"',
    'name != "?ack\\*"': 'name != "?ack\\*"',
    'name = "a\\*b"': 'name = "a\\*b"',
    "name = a[b*": 'name = "a[b*"',
    r"name = \d+": r'name = "\\d+"',
    "cwd=/srv/a=b": 'cwd = "/srv/a=b"',
    "NAME = x": "name = x",
    "name : Enc": "name : Enc",
    "name ^= a* name $= b name *= c": 'name ^= "a*" AND name $= b AND name *= c',
    "name ~ ^a.*b$": 'name ~ "^a.*b$"',
    r'name ~ "\bx\"y\\"': r'name ~ "\bx\"y\\"',
    r"name !~ '\"[*]'": r'name !~ "\"[*]"',
    'regex(name, "^(a|b)")': 'name ~ "^(a|b)"',
    "exit_code != 0": "exit_code != 0",
    "priority > -5 priority<+5": "priority > -5 AND priority < 5",
    "exit_code:1": "exit_code = 1",
    "state in (failed, Cancelled,queued)": "state in (failed, canceled, pending)",
    "state NOT IN(failed)": "state not in (failed)",
    "name in (a, b*, 'c d')": 'name in (a, "c d") OR name = "b*"',
    "name not in (a, b*)": 'name not in (a) AND name != "b*"',
    "name in (b*)": 'name = "b*"',
    "exit_code is null": "exit_code is null",
    "exit_code IS NOT NULL": "exit_code is set",
    "exit_code is set exit_code is not set": "exit_code is set AND exit_code is null",
    'reason = "null"': 'reason = "null"',
    "duration > 90s": "duration > 1m30s",
    "duration between 5m AND 02:00:00": "duration between 5m AND 2h",
    "duration not between 1s and 1s": "duration not between 1s AND 1s",
    "cpu >= 0.000000001s": "cpu >= 0.000001ms",
    "memory > 4G written<=512MiB": "memory > 4G AND written <= 512M",
    "progress >= 50 progress<99.5%": "progress >= 50% AND progress < 99.5%",
    "fraction = 25% ratio > 1.5": "fraction = 0.25 AND ratio > 1.5",
    "done = 1e3 rate<.5": "done = 1000.0 AND rate < 0.5",
    "begun = TRUE stale:no": "begun = yes AND stale = no",
    "signal = sigkill signal in (TERM, 2)": "signal = 9 AND signal in (15, 2)",
    "uid = me": "uid = 1000",
    "labels:env tag:x tag(y)": "label.env is set AND label.x is set AND label.y is set",
    "labels:env=prod* label:a=": 'label.env = "prod*" AND label.a = ""',
    'labels:"env=prod"': 'label."env=prod" is set',
    "labels is null": "labels is null",
    "label.env=prod LABEL.Env!=x tags.a.b ~ y": 'label.env = prod AND label.Env != x AND label."a.b" ~ "y"',
    'label."cost centre" is set': 'label."cost centre" is set',
    # Times, read in Berlin, an hour before Greenwich.
    "created >= 2026-11-20": "created >= 2026-11-19T23:00:00Z",
    "created > 2026-11-20": "created >= 2026-11-20T23:00:00Z",
    "created < 2026-11-20": "created < 2026-11-19T23:00:00Z",
    "created <= 2026-11-20": "created < 2026-11-20T23:00:00Z",
    "created = yesterday": "created >= 2026-11-19T23:00:00Z AND created < 2026-11-20T23:00:00Z",
    "created:today": "created >= 2026-11-20T23:00:00Z AND created < 2026-11-21T23:00:00Z",
    "created != yesterday": "created < 2026-11-19T23:00:00Z OR created >= 2026-11-20T23:00:00Z",
    "ended > 14:30": "ended >= 2026-11-21T13:31:00Z",
    "ended >= -2h": "ended >= 2026-11-21T07:00:00Z",
    "started between 02:00 and 04:00": "started >= 2026-11-21T01:00:00Z AND started < 2026-11-21T03:01:00Z",
    "started in (2026-11-20, 2026-11-01T10:00:00.5Z)": (
        "(started >= 2026-11-19T23:00:00Z AND started < 2026-11-20T23:00:00Z) OR "
        "(started >= 2026-11-01T10:00:00.500000Z AND started < 2026-11-01T10:00:00.500001Z)"
    ),
    "updated not in (today)": "updated < 2026-11-20T23:00:00Z OR updated >= 2026-11-21T23:00:00Z",
    # Presets.
    "@failed": "state = failed",
    "@failed @mine -@today": "state = failed AND uid = 1000 AND NOT created >= 2026-11-20T23:00:00Z",
    "@unwell name=x": "(state = failed OR warned > 0 OR items.failed > 0) AND name = x",
}


@pytest.mark.parametrize(("text", "meaning"), READ.items())
def test_reading(text: str, meaning: str) -> None:
    """A filter is read as what its one text says, and that is read as itself."""
    found = read(text)
    assert str(found) == meaning
    assert read(meaning) == found


@pytest.mark.parametrize("name", [name for field in FIELDS for name in (field.name, *field.aliases)])
def test_every_name_of_a_field(name: str) -> None:
    """A field is known by each of its names, in any case of letters, and told by the first."""
    (field,) = (field for field in FIELDS if name in (field.name, *field.aliases))
    assert str(read(f"{name.upper()} is set")) == f"{field.name} is set"


def test_a_filter_is_known_by_what_it_means() -> None:
    """Two texts that mean the same make equal filters; nothing else is equal to one."""
    assert read("name=a id=1") == read("(name = 'a') AND id:1")
    assert len({read("name=a"), read("name = a"), read("name = b")}) == 2
    assert read("name=a") != "name = a"


def test_relative_times_are_fixed_when_it_is_read() -> None:
    """The same text means another time later; the filter that was read does not."""
    local = lambda naive: naive.replace(tzinfo=BERLIN)  # noqa: E731
    assert str(parse("ended > -1h", Asker(NOW, local))) == "ended >= 2026-11-21T08:00:00.000001Z"
    assert str(parse("ended > -1h", Asker(NOW.replace(hour=11), local))) == "ended >= 2026-11-21T09:00:00.000001Z"
