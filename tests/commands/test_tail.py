"""jobd tail: the output of jobs, live, to the last byte, whatever becomes of the daemon meanwhile."""

import hashlib
import json
import os
from pathlib import Path

from tests.commands.running import Gate, House, read_until
from tests.waiting import until


def test_the_last_lines(house: House) -> None:
    """Ten lines, or as many as asked for, or all; a last line without its end counts as one."""
    job_id = str(house.ran("sh", "-c", "seq 1 30; printf end", name="lines"))
    last = [*(str(number) for number in range(22, 31)), "end"]
    assert house.raw("tail", job_id) == "\n".join(last).encode()
    assert house.raw("tail", "-n", "2", "lines") == b"30\nend"
    assert house.raw("tail", "-n", "0", "lines") == b""
    assert house.raw("tail", "--all", "last").startswith(b"1\n2\n")
    assert house.raw("tail", "-n", "999999999999", "lines").startswith(b"1\n2\n")
    assert house.raw("tail").endswith(b"end")


def test_a_finished_job_is_shown_to_its_end_and_that_is_all(house: House) -> None:
    """Following what has ended returns; on a terminal it says how it ended."""
    job_id = house.ran("sh", "-c", "echo out; exit 3", name="over")
    assert house.raw("tail", "-f", str(job_id)) == b"out\n"
    assert house("tail", "-f", "--exit-status", str(job_id)).status == 3
    assert house("tail", "--exit-status", str(job_id)).status == 3
    said, how = house.screen("tail", "-f", str(job_id))
    assert said == "out"
    assert how.startswith(f"✖ over #{job_id} failed, exit 3")


def test_it_waits_for_a_job_that_has_not_started(own: House, gate: Gate) -> None:
    """All of its output is shown, however quickly it comes; the status is the job's if that is wanted."""
    busy = [own.running("sh", "-c", f"{gate.wait()}") for _ in range(4)]
    job_id = own.submit("sh", "-c", "seq 1 50; exit 5", name="late")
    with (
        own.started("tail", "-f", "--exit-status", str(job_id)) as process,
        own.on_terminal("tail", "-f", str(job_id)) as session,
    ):
        own.watched(job_id, by=2)
        session.until("waiting for a free slot")
        for job in busy:
            own.over(job)
        out, err = process.communicate(timeout=30)
        assert session.end() == 0
    assert (process.returncode, err) == (5, b"")
    assert out.split() == [str(number).encode() for number in range(1, 51)]


def test_the_newest_that_runs_is_meant_if_none_is_named(own: House, gate: Gate) -> None:
    """Not a newer one that has ended; by --name the newest of that name; without any job 66."""
    nothing = own("tail", "-f")
    assert (nothing.status, nothing.out) == (66, "")
    assert "submit one: jobd submit -- COMMAND" in nothing.err
    job_id = own.running("sh", "-c", f"echo running; {gate.wait()}", name="r")
    until(lambda: (own.daemon.job(job_id)["output"] or {}).get("bytes"), what="its output")
    own.ran("echo", "ended", name="e")
    assert own.raw("tail") == b"running\n"
    assert own.raw("tail", "--name", "e*") == b"ended\n"
    assert own("tail", "--name", "nobody").status == 66


def test_on_a_terminal_the_bottom_line_says_how_it_goes(house: House, gate: Gate) -> None:
    """A bar, what the job said last and what ^C does; it follows the reports, fits, and is gone at the end."""
    script = f"echo one; echo 1/4 first >&$JOBD_FD; {gate.wait(1)}; echo 3/4 third >&$JOBD_FD; {gate.wait(2)}"
    job_id = house.running("sh", "-c", script, name="encode")
    with (
        house.on_terminal("tail", "-f", str(job_id), columns=120) as wide,
        house.on_terminal("tail", "-f", str(job_id), columns=40, environ={"NO_COLOR": "1"}) as narrow,
    ):
        wide.until("one")
        wide.until("25%")
        assert wide.rows[0] == "one"
        assert wide.rows[-1].startswith(f"▶ encode #{job_id} █████░")
        assert " · first" in wide.rows[-1]
        assert wide.rows[-1].endswith("^C leaves it running")
        narrow.until("25%")
        assert len(narrow.rows[-1]) < 40
        gate.open()
        wide.until("third")
        gate.open(2)
        assert (wide.end(), narrow.end()) == (0, 0)
        assert wide.rows[0] == "one"
        assert wide.rows[1].startswith(f"✔ encode #{job_id} completed")
        assert len(wide.rows) == 2
        assert "\x1b[3" not in narrow.text


def test_an_interrupt_leaves_the_job_running(house: House, gate: Gate) -> None:
    """Ctrl-C ends the command with 130, leaves a clean screen, and says how to go on."""
    job_id = house.running("sh", "-c", f"echo up; {gate.wait()}; echo more", name="goes-on")
    with house.on_terminal("tail", "-f", str(job_id)) as session:
        session.until("up")
        session.until("leaves it running")
        session.interrupt()
        assert session.end() == 130
        assert session.rows == ["up", f"jobd tail -f {job_id} · jobd pause {job_id} · jobd cancel {job_id}"]
    assert house.daemon.job(job_id)["state"] == "running"
    gate.open()
    assert house.daemon.ended(job_id)["exit_code"] == 0


def test_several_jobs_with_prefixes(house: House, gate: Gate) -> None:
    """Each line whole and with the name of its job, equally wide; namesakes by their numbers; to the end of all."""
    first = house.running("sh", "-c", f"echo a1; {gate.wait()}; printf a2; exit 4", name="a")
    second = house.running("sh", "-c", f"echo b1; {gate.wait()}; echo b2", name="longer")
    with house.started("tail", "-f", "--exit-status", str(first), str(second)) as process:
        seen = read_until(process.stdout, lambda said: said.count(b"\n") == 2)
        assert sorted(seen.splitlines()) == [b"a      | a1", b"longer | b1"]
        gate.open()
        out, _ = process.communicate(timeout=30)
    assert (process.returncode, sorted(out.splitlines())) == (4, [b"a      | a2", b"longer | b2"])
    twin = house.ran("echo", "c", name="a")
    assert house.raw("tail", str(first), str(twin)) == f"a #{first} | a1\na #{first} | a2\na #{twin} | c\n".encode()


def test_split_output(house: House, gate: Gate) -> None:
    """Both files, told apart by a prefix, or one of them as it is."""
    script = f"echo out; echo err >&2; {gate.wait()}; echo out2"
    job_id = str(house.running("sh", "-c", script, name="split", split=True))
    with house.started("tail", "-f", job_id) as both, house.started("tail", "-f", "--stderr", job_id) as one:
        assert sorted(read_until(both.stdout, lambda said: said.count(b"\n") == 2).splitlines()) == [
            b"stderr | err",
            b"stdout | out",
        ]
        assert read_until(one.stdout, lambda said: b"\n" in said) == b"err\n"
        gate.open()
        assert both.communicate(timeout=30)[0] == b"stdout | out2\n"
        assert one.communicate(timeout=30)[0] == b""
    assert house.raw("tail", "--stdout", job_id) == b"out\nout2\n"


def test_a_retried_job(house: House, gate: Gate) -> None:
    """What is followed is the new attempt, from its first byte, not the output of the one before."""
    job_id = str(
        house.ran("sh", "-c", f"echo attempt $JOBD_ATTEMPT; [ $JOBD_ATTEMPT = 2 ] && {gate.wait()}", name="again")
    )
    assert house("retry", job_id).status == 0
    with house.started("tail", "-f", "--exit-status", job_id) as process:
        assert read_until(process.stdout, lambda said: b"\n" in said) == b"attempt 2\n"
        gate.open()
        assert process.communicate(timeout=30) == (b"", b"")
        assert process.returncode == 0


def test_as_json(house: House, gate: Gate) -> None:
    """A line for each change of the job, whole or by fields, and one for each piece of output, base64 if need be."""
    script = rf"printf 'a\377'; {gate.wait()}; echo b; echo nonsense >&$JOBD_FD; exit 1"
    job_id = str(house.running("sh", "-c", script))
    with house.started("tail", "-f", "--json=state,warned", job_id) as process:
        first = read_until(process.stdout, lambda said: b'"output"' in said)
        gate.open()
        out, err = process.communicate(timeout=30)
    told = [json.loads(line) for line in (first + out).splitlines()]
    assert err == b""
    output = [item["data"] for item in told if item["type"] == "output"]
    assert output == [{"b64": "Yf8="}, "b\n"]
    assert told[0]["state"] == "running"
    assert told[-1] == {"type": "job", "state": "failed", "warned": 1}
    again = house.lines("tail", "-f", "--json=state", job_id)
    assert [item["type"] for item in again] == ["output", "job"]
    assert again[-1]["state"] == "failed"


def test_text_stays_text_in_json(house: House) -> None:
    """Wherever a piece of the output ends, no character is cut; what is no text is base64 all the same."""
    job_id = house.ran("sh", "-c", r"printf '\342\202\254%.0s' $(seq 600000); printf '\377\342\202'")
    pieces = [line["data"] for line in house.lines("tail", "--all", "--json", str(job_id))]
    assert len(pieces) > 2
    assert {type(piece) for piece in pieces[:-2]} == {str}
    assert "".join(pieces[:-2]).strip("€") == ""
    assert isinstance(pieces[-1], dict)


def test_timestamps_and_what_is_not_harmless(house: House) -> None:
    """A time before each line if wanted; on a terminal controls become text, unless --raw says otherwise."""
    job_id = str(house.ran("printf", r"\033[2Jone\ntwo\n"))
    assert [line[8:] for line in house("tail", "--timestamps", job_id).out.splitlines()] == [" \x1b[2Jone", " two"]
    assert house.screen("tail", job_id)[0] == "^[[2Jone"
    with house.on_terminal("tail", "--raw", job_id) as session:
        assert session.end() == 0
        assert "\x1b[2Jone" in session.text


def test_bad_input(house: House) -> None:
    """Each a line and its status."""
    house.ran("true")
    busy = house.running()
    refused = {
        ("-f", "999"): (66, "no job 999"),
        ("-f", "nobody"): (66, "no job nobody"),
        ("-n", "-1", "last"): (2, "invalid value for '-n'"),
        ("-n", "many", "last"): (2, "invalid value for '-n'"),
        ("-f", "5-1"): (65, "an empty range"),
        ("--json=nope", "last"): (2, "no field 'nope'"),
        ("--exit-status", str(busy)): (2, "--exit-status needs --follow while a job has not ended"),
        ("last", "--name", "other"): (1, "no job is concerned"),
    }
    for words, (status, said) in refused.items():
        done = house("tail", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)


def test_it_ends_when_nobody_reads(house: House, gate: Gate) -> None:
    """As soon as the reader has gone, though the job says nothing; the job goes on; a full disk is 74."""
    job_id = house.running("sh", "-c", f"echo up; {gate.wait()}")
    with house.started("tail", "-f", str(job_id)) as process:
        assert read_until(process.stdout, lambda said: b"\n" in said) == b"up\n"
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(30) == 141
        assert process.stderr is not None
        assert process.stderr.read() == b""
    with open("/dev/full", "wb") as full:
        done = house("tail", "-f", str(job_id), stdout=full)
    assert (done.status, done.err) == (74, "jobd: cannot write output: No space left on device\n")
    assert house.daemon.job(job_id)["state"] == "running"
    house.over(job_id)


def test_without_a_daemon(own: House, gate: Gate) -> None:
    """What is there is shown and standard error says so; to follow what runs needs one, unless that is forbidden."""
    job_id = own.running("sh", "-c", f"echo up; {gate.wait()}; echo down", name="on")
    ended = own.ran("echo", "ended")
    own.daemon.kill()
    shown = own("tail", str(ended))
    assert (shown.status, shown.out) == (0, "ended\n")
    assert shown.err.startswith("! daemon not running: ")
    assert own("tail", "-f", str(ended)).out == "ended\n"
    refused = own("tail", "-f", str(job_id), "--no-start")
    assert (refused.status, refused.out) == (69, "")
    assert "no daemon is running" in refused.err
    with own.started("tail", "-f", str(job_id)) as process:
        assert read_until(process.stdout, lambda said: b"\n" in said) == b"up\n"
        gate.open()
        assert process.communicate(timeout=30)[0] == b"down\n"
        assert process.returncode == 0


def test_output_that_is_not_there(house: House) -> None:
    """A job without output, or whose output somebody deleted, shows nothing; a person is told why."""
    begun = house("begin", "outside").out.strip()
    assert house.raw("tail", begun) == b""
    job_id = house.ran("echo", "hi")
    Path(house.daemon.job(job_id)["output"]["path"]).unlink()
    assert house.raw("tail", str(job_id)) == b""
    assert house.screen("tail", str(job_id)) == [f"echo #{job_id}: it has no output"]
    house("end", begun)


BURSTS, BURST = 50, 4 * 1024 * 1024
WRITER = """
import hashlib, os, random, time
source, digest = random.Random(7), hashlib.sha256()
for number in range({bursts}):
    data = source.randbytes({burst})
    digest.update(data)
    left = memoryview(data)
    while left:
        left = left[os.write(1, left[:1 << 20]):]
    while number in {stops} and not os.path.exists({stops}[number]):
        time.sleep(0.01)
open({sum!r}, "w").write(digest.hexdigest())
"""


def test_200_megabytes_through_two_restarts_of_the_daemon(own: House, gate: Gate, tmp_path: Path) -> None:
    """A job writes in bursts; the daemon is restarted in place, and later killed: every byte comes, in order."""
    summed = tmp_path / "sum"
    text = WRITER.format(
        bursts=BURSTS, burst=BURST, stops={15: str(gate.path(1)), 35: str(gate.path(2))}, sum=str(summed)
    )
    (tmp_path / "writer.py").write_text(text)
    job_id = own.submit("python3", str(tmp_path / "writer.py"), environment=[f"PATH={os.environ['PATH']}"])
    digest, count = hashlib.sha256(), 0

    def read_up_to(stream: int, wanted: int) -> None:
        nonlocal count
        while count < wanted and (chunk := os.read(stream, 1 << 20)):
            digest.update(chunk)
            count += len(chunk)

    with own.started("tail", "-f", "--all", "--exit-status", str(job_id)) as process:
        assert process.stdout is not None
        stream = process.stdout.fileno()
        read_up_to(stream, 10 * BURST)
        assert own("daemon", "restart").status == 0
        read_up_to(stream, 16 * BURST)
        gate.open()
        read_up_to(stream, 30 * BURST)
        own.daemon.kill()
        read_up_to(stream, 36 * BURST)
        gate.open(2)
        read_up_to(stream, 2 * BURSTS * BURST)
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert count == BURSTS * BURST
    assert digest.hexdigest() == summed.read_text()
