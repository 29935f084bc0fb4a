"""Lines of reports are read as they are meant, and nonsense is refused with what is wrong."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.errors import BadProgress
from jobd.core.work import report as report_module
from jobd.core.work.items import ItemReport, ItemState
from jobd.core.work.report import LONGEST_LINE, LONGEST_TEXT, MOST_STAGES, Report, check, parse

GOOD = {
    b"40%": Report(fraction=0.4),
    b"0%": Report(fraction=0),
    b"100%": Report(fraction=1),
    b"007%": Report(fraction=0.07),
    b"40.5% half way": Report(fraction=0.405, message="half way"),
    b"100.0%": Report(fraction=1),
    b"40 % done": Report(fraction=0.4, message="done"),
    b" 40%\r": Report(fraction=0.4),
    b"3/10": Report(done=3, total=10),
    b"0/1": Report(done=0, total=1),
    b"10/10": Report(done=10, total=10),
    b"3 / 10": Report(done=3, total=10),
    b"3/10\r": Report(done=3, total=10),
    b"3/10 resizing b.png": Report(done=3, total=10, message="resizing b.png"),
    b"3/10\ttabbed  words ": Report(done=3, total=10, message="tabbed  words"),
    b"1.5/2.25 GiB": Report(done=1.5, total=2.25, message="GiB"),
    b"123/100000": Report(done=123, total=100000),
    b"999999999999999/999999999999999": Report(done=999999999999999, total=999999999999999),
    b"3/10 50% of the files": Report(done=3, total=10, message="50% of the files"),
    b"stage encode": Report(stage="encode"),
    b"note half way": Report(message="half way"),
    b"stages probe:1 encode:8.5 upload": Report(stages={"probe": 1, "encode": 8.5, "upload": 1}),
    b"stages a:b:2": Report(stages={"a:b": 2}),
    b'{"stages": {"probe": 1, "item": 3}}': Report(stages={"probe": 1, "item": 3}),
    b"item a pending": ItemReport(item="a", state=ItemState.PENDING),
    b"item clip-17 failed codec not found": ItemReport(item="clip-17", state=ItemState.FAILED, error="codec not found"),
    b"item a/b.png completed 3 MB": ItemReport(item="a/b.png", state=ItemState.COMPLETED, message="3 MB"),
    b"item a cancelled": ItemReport(item="a", state=ItemState.CANCELED),
    b"item a done": ItemReport(item="a", state=ItemState.COMPLETED),
    b"item a 40% half": ItemReport(item="a", fraction=0.4, message="half"),
    b"item a 1/4": ItemReport(item="a", fraction=0.25),
    b'item "a b" completed': ItemReport(item="a b", state=ItemState.COMPLETED),
    b'item "reel failed" 40% half': ItemReport(item="reel failed", fraction=0.4, message="half"),
    b'item  "c 3/10"\t1/4': ItemReport(item="c 3/10", fraction=0.25),
    b'item "\\"a\\" \\\\ \\u00e9\\t" failed it "is" so': ItemReport(
        item='"a" \\ \u00e9\t', state=ItemState.FAILED, error='it "is" so'
    ),
    b'item "caf\xe9 \\\\x" done': ItemReport(item="caf\\xe9 \\x", state=ItemState.COMPLETED),
    b'item a"b done': ItemReport(item='a"b', state=ItemState.COMPLETED),
    b'{"item": "a b", "state": "skipped", "weight": 3}': ItemReport(item="a b", state=ItemState.SKIPPED, weight=3),
    b'{"message": "the \\"item\\": x"}': Report(message='the "item": x'),
    b"stage  two words ": Report(stage="two words"),
    b"message hello": Report(message="hello"),
    b"message \xff\xfe": Report(message="\\xff\\xfe"),
    b"message " + "grün ✓".encode(): Report(message="grün ✓"),
    b"beat": Report(),
    b"rate_limited 30s": Report(rate_limited=30),
    b"rate_limited 30": Report(rate_limited=30),
    b"rate_limited 1m30s the API  said 429": Report(rate_limited=90, message="the API  said 429"),
    b"rate_limited 0": Report(rate_limited=0),
    b"rate_limited 7d": Report(rate_limited=7 * 86400),
    b'{"rate_limited": 0.5, "done": 3}': Report(rate_limited=0.5, done=3),
    b"{}": Report(),
    b'{"done": 3, "total": 10, "unit": "files"}': Report(done=3, total=10, unit="files"),
    b'  {"fraction": 0.25, "message": "m", "stage": "s"}  ': Report(fraction=0.25, message="m", stage="s"),
    b'{"done": null}': Report(),
    b'{"restart": true}': Report(restart=True),
    b"3/10 " + b"x" * 2000: Report(done=3, total=10, message="x" * LONGEST_TEXT),
    b"message " + b"x" * (LONGEST_LINE - 8): Report(message="x" * LONGEST_TEXT),
}

BAD = {
    b"": "none of",
    b"   ": "none of",
    b"foo": "none of",
    b"101%": "more than 100 %",
    b"100.5%": "more than 100 %",
    b"999%": "more than 100 %",
    b"1000%": "none of",
    b"-1%": "none of",
    b"nan%": "none of",
    b"inf%": "none of",
    b"1e999%": "none of",
    b"%": "none of",
    b"40%done": "none of",
    b"\xd9\xa3%": "none of",
    b"3/0": "the total is 0",
    b"0/0": "the total is 0",
    b"0/0.000": "the total is 0",
    b"11/10": "more done than the total",
    b"10.5/10 m": "more done than the total",
    b"-3/10": "none of",
    b"3/-10": "none of",
    b"3/10x": "none of",
    b"3/": "none of",
    b"/10": "none of",
    b"1/2/3": "none of",
    b"nan/10": "none of",
    b"1e999/10": "none of",
    b"1" + b"0" * 400 + b"/10": "none of",
    b"1/1" + b"0" * 400: "none of",
    b"stage": "none of",
    b"stages a:0": "a:0 is no new stage",
    b"stages a a": "a is no new stage",
    b"stages " + b" ".join(b"%d" % n for n in range(MOST_STAGES + 1)): "100 is no new stage",
    b'{"stages": {"a": 0}}': "stages",
    b"item": "none of",
    b"item a": "write `item KEY STATE`",
    b"item a sleeping": "sleeping is neither",
    b"item a 11/10": "more done",
    b"item a 101%": "more than 100 %",
    b"item " + b"k" * 201 + b" done": "200 characters",
    b"item a\0 done": "NUL",
    b'item "a b"': "write `item KEY STATE`",
    b'item "" done': "write `item KEY STATE`",
    b'item "a b done': "as in JSON",
    b'item "a b"done': "as in JSON",
    b'item "a\\qb" done': "JSON",
    b'item "a\\nb" done': "a line break in the key",
    b'item "' + b"k" * 201 + b'" done': "200 characters",
    b'{"item": ""}': "item",
    b'{"item": "a\\nb"}': "a line break in the key",
    b'{"item": "a", "state": "gone"}': "state",
    b'{"item": "a", "done": 3}': "done",
    b'{"item": "a", "weight": 0}': "weight",
    b"message": "none of",
    b"beating": "none of",
    b"rate_limited": "none of",
    b"rate_limited soon": "soon is no time to wait",
    b"rate_limited -1": "-1 is no time",
    b"rate_limited nan": "nan is no time",
    b"rate_limited 8d": "7d at most",
    b"rate_limited 9999999999999999999999999999999999": "no time",
    b'{"rate_limited": -1}': "rate_limited",
    b'{"rate_limited": 604801}': "rate_limited",
    b'{"rate_limited": NaN}': "",
    b'{"rate_limited": "30s"}': "rate_limited",
    b"Stage x": "none of",
    b"message a\0b": "NUL",
    b"3/10 \0": "NUL",
    b"\0\0\0\0003/10": "none of",
    b"message " + b"x" * (LONGEST_LINE - 7): "longer than 4096 bytes",
    b"1" * 100_000: "longer than 4096 bytes",
    b"{": "",
    b"{]": "",
    b'{"done": 3} x': "",
    b'{"done": -1}': "done",
    b'{"done": "3"}': "done",
    b'{"done": NaN}': "",
    b'{"done": 1e999}': "",
    b'{"done": 1' + b"0" * 400 + b"}": "",
    b'{"done": 1e16}': "done",
    b'{"fraction": 1.01}': "fraction",
    b'{"fraction": -0.5}': "fraction",
    b'{"total": 0}': "total",
    b'{"done": 3, "total": 2}': "more done than the total",
    b'{"percent": 40}': "percent",
    b'{"message": "\xff"}': "",
    b'{"message": "\\u0000"}': "NUL",
    b'{"stage": "a\\u0000"}': "NUL",
    b'{"message": "' + b"x" * 1001 + b'"}': "message",
    b'{"message": ' + b"[" * 4000: "",
    b"[3, 10]": "none of",
    b"\xff\xfe3/10": "none of",
}


@pytest.mark.parametrize("line", GOOD, ids=lambda line: repr(line[:30]))
def test_good_lines(line: bytes) -> None:
    """What the manual shows is understood, and so is what people write instead."""
    assert parse(line) == GOOD[line]


@pytest.mark.parametrize("line", BAD, ids=lambda line: repr(line[:30]))
def test_bad_lines(line: bytes) -> None:
    """Nonsense is refused with what is wrong and the start of the line, on one short line."""
    with pytest.raises(BadProgress) as refusal:
        parse(line)
    details = refusal.value.details
    assert BAD[line] in details["problem"]
    assert details["problem"]
    assert len(details["text"]) <= report_module.LONGEST_EXAMPLE
    assert refusal.value.message.isprintable()
    assert len(refusal.value.message) < 500


@given(st.binary(max_size=200) | st.from_regex(rb"[0-9./% {}\":a-z\x00\xff-]{0,40}", fullmatch=True))
def test_any_line_is_read_or_refused(line: bytes) -> None:
    """Whatever a job writes, it gives a sound report or BadProgress, never another error."""
    try:
        report = parse(line)
    except BadProgress:
        return
    check(report)
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


@given(st.integers(0, 10**16), st.integers(0, 10**16), st.sampled_from(["%d/%d", " %d/%d", "%d / %d", "%d/%d "]))
def test_the_quick_way_reads_as_the_careful_one(done: int, total: int, form: str) -> None:
    """The two plain forms give the same, and are refused the same, as with a space that sends them the long way."""
    results: list[Report | str] = []
    for line in ((form % (done, total)).encode(), b" %d/%d" % (done, total)):
        try:
            results.append(parse(line))
        except BadProgress as refusal:
            results.append(refusal.details["problem"])
    assert results[0] == results[1]
    assert isinstance(results[0], Report) == (0 < total >= done and max(done, total) < 10**15)


@given(st.integers(0, 2000))
def test_percent_the_quick_way(percent: int) -> None:
    """The same for percent."""
    line = b"%d%%" % percent
    if percent <= 100:
        assert parse(line) == parse(b" " + line) == Report(fraction=percent / 100)
    else:
        for form in (line, b" " + line):
            with pytest.raises(BadProgress):
                parse(form)


@pytest.mark.parametrize(
    "report",
    [Report(fraction=1.5), Report(fraction=float("nan")), Report(done=3, total=2), Report(total=0), Report(unit="\0")],
)
def test_check_holds_reports_to_the_same_rules(report: Report) -> None:
    """A report that no line made is checked for what its type cannot say."""
    with pytest.raises(BadProgress, match=r"the progress report '\{.*\}': "):
        check(report)
