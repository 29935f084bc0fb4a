"""jobd log: the whole output of a job, byte by byte."""

from pathlib import Path

import pytest

from tests.commands.running import Gate, House, read_until
from tests.living import Refusal

ODD = r"printf 'a\000\377\r\n\033[31mred\nend'"
ODD_BYTES = b"a\0\xff\r\n\x1b[31mred\nend"


def test_to_a_pipe_the_bytes_themselves(house: House) -> None:
    """Whatever they are; several jobs one after the other; the last lines if so wanted."""
    house.ran("sh", "-c", ODD, name="odd")
    house.ran("seq", "3", name="three")
    assert house.raw("log", "odd") == ODD_BYTES
    assert house.raw("log", "three", "odd") == b"1\n2\n3\n" + ODD_BYTES
    assert house.raw("log", "-n", "2", "three") == b"2\n3\n"
    assert house.raw("log", "-n", "0", "three") == b""
    assert house.raw("cat", "last") == b"1\n2\n3\n"


def test_on_a_terminal_it_is_made_harmless(house: House) -> None:
    """Colours pass, everything else becomes text; without colours they go, and --raw gives the bytes."""
    job_id = str(house.ran("sh", "-c", r"printf '\033[31mred\033[2J\r\n'"))
    with house.on_terminal("log", job_id) as session:
        assert session.end() == 0
        assert "\x1b[31mred^[[2J" in session.text
    with house.on_terminal("log", job_id, environ={"NO_COLOR": "1"}) as session:
        assert session.end() == 0
        assert session.text == "red^[[2J\n"
    with house.on_terminal("log", "--raw", job_id) as session:
        assert session.end() == 0
        assert "\x1b[2J" in session.text


def test_of_a_job_that_runs(house: House, gate: Gate) -> None:
    """What there is so far."""
    job_id = house.running("sh", "-c", f"echo so far; {gate.wait()}; echo more")
    with house.started("tail", "-f", str(job_id)) as process:
        read_until(process.stdout, lambda said: b"so far\n" in said)
    assert house.raw("log", str(job_id)) == b"so far\n"
    gate.open()
    house.daemon.ended(job_id)
    assert house.raw("log", str(job_id)) == b"so far\nmore\n"


def test_split_output_and_earlier_attempts(house: House) -> None:
    """Only one of the files; the output of each attempt is kept."""
    job_id = house.ran("sh", "-c", "echo out $JOBD_ATTEMPT; echo err >&2; exit 1", split=True, name="twice")
    house("retry", "twice")
    house.daemon.ended(job_id)
    assert house.raw("log", "twice") == b"out 2\nerr\n"
    assert house.raw("log", "--stdout", "twice") == b"out 2\n"
    assert house.raw("log", "--stderr", "twice") == b"err\n"
    assert house.raw("log", "--stdout", "--attempt", "1", "twice") == b"out 1\n"
    assert house.raw("log", "--stdout", "--attempt", "2", "twice") == b"out 2\n"


def test_where_it_is(house: House) -> None:
    """--path prints the files, --json the job with them."""
    job_id = house.ran("sh", "-c", "echo hi")
    [path] = house("log", "--path", str(job_id)).out.splitlines()
    assert Path(path).read_text() == "hi\n"
    [job] = house.json("log", "--json=output", str(job_id))
    assert job == {"output": {"path": path, "bytes": 3, "files": {"output": path}}}


def test_bad_input(own: House) -> None:
    """Each a line and its status."""
    for _ in range(4):
        own.running()
    waiting = str(own.submit("true", name="waiting"))
    begun = own("begin", "outside").out.strip()
    refused = {
        (): (2, "missing argument 'JOB...'"),
        ("999",): (66, "no job 999"),
        (waiting,): (66, f"the output of job {waiting} (waiting) is not there: it has not started yet"),
        (begun,): (66, "it was not started by jobd"),
        ("--attempt", "7", "1"): (66, "there is no attempt 7"),
        ("--attempt", "0", "1"): (2, "invalid value for '--attempt'"),
        ("-n", "x", "1"): (2, "invalid value for '-n'"),
    }
    for words, (status, said) in refused.items():
        done = own("log", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)


def test_by_the_protocol_in_pieces(house: House) -> None:
    """Every byte can be had by offsets; what is not there is refused."""
    job_id = house.ran("sh", "-c", ODD)
    first = house.daemon.call("log", job=str(job_id), limit=1)
    shown = [first[name] for name in ("data", "offset", "next_offset", "size", "final")]
    assert shown == ["a", 0, 1, len(ODD_BYTES), True]
    rest = house.daemon.call("log", job=str(job_id), offset=1)
    assert (set(rest["data"]), rest["next_offset"]) == ({"b64"}, len(ODD_BYTES))
    assert house.daemon.call("log", job=str(job_id), offset=10**15)["data"] == ""
    for wrong in ({"job": "1-2"}, {"job": str(job_id), "limit": 0}, {"job": str(job_id), "offset": -1}):
        with pytest.raises(Refusal):
            house.daemon.call("log", **wrong)
    with pytest.raises(Refusal) as refused:
        house.daemon.call("log", job=str(job_id), file="stderr")
    assert refused.value.reason == "OUTPUT_NOT_FOUND"


def test_nobody_reads_or_nothing_can_be_written(house: House) -> None:
    """141, 74."""
    job_id = house.ran("seq", "200000")
    with house.started("log", str(job_id)) as process:
        assert process.stdout is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.wait(30) == 141
        assert process.stderr is not None
        assert process.stderr.read() == b""
    with open("/dev/full", "wb") as full:
        assert house("log", str(job_id), stdout=full).status == 74


def test_without_a_daemon(own: House) -> None:
    """The same bytes, also of a job that runs on after the daemon was killed."""
    ended, running = own.ran("sh", "-c", ODD), own.running("sh", "-c", "echo up; exec sleep 600")
    with own.started("tail", "-f", str(running)) as process:
        read_until(process.stdout, lambda said: b"up\n" in said)
    own.daemon.kill()
    done = own("log", str(running))
    assert (done.status, done.out) == (0, "up\n")
    assert done.err.startswith("! daemon not running: ")
    assert own("log", "--path", str(ended)).out.startswith(str(own.state))
    assert not own.daemon.process or own.daemon.dead()
