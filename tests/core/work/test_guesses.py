"""Meters that programs print are read as progress, and nothing else that looks a little like one."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobd.core.work import progress
from jobd.core.work.guesses import LONGEST_LINE, NOTHING, find, read, split
from jobd.core.work.progress import Report

#: What programs print, and how far they are.
METERS = {
    # tqdm
    " 45%|████▌     | 45/100 [00:04<00:05, 10.00it/s]": Report(done=45, total=100),
    "train:  45%|####5     | 45/100 [00:04<00:05, 10.00it/s, acc=93%, step 2/3]": Report(done=45, total=100),
    " 45%|####5     | 1.23M/5.00M [00:04<00:05, 10.0MB/s]": Report(fraction=0.45),
    "100%|██████████| 100/100 [00:10<00:00, 10.00it/s]": Report(done=100, total=100),
    # curl, its meter and its bar
    " 45 1000k   45  450k    0     0   123k      0  0:00:08  0:00:03  0:00:05  123k": Report(fraction=0.45),
    "100 2929k  100 2929k    0     0  3232M      0 --:--:-- --:--:-- --:--:-- 3232M": Report(fraction=1),
    "######################################### 56.5%": Report(fraction=0.565),
    "######################################################################## 100.0%": Report(fraction=1),
    # rsync, of all files and of one
    "    638,517,248  60%   95.79MB/s    0:00:04  (xfr#3, ir-chk=1043/1080)": Report(fraction=0.6),
    "      1,238,099 100%  146.38kB/s    0:00:08 (xfr#5, to-chk=169/396)": Report(fraction=1),
    # pip, its bar and its raw form
    "   ━━━━━━━━━━╸━━━━━━━━━ 1.2/2.5 MB 10.5 MB/s eta 0:00:01": Report(done=1.2, total=2.5),
    "\x1b[?25l   \x1b[32m━━━━\x1b[0m\x1b[32m9.6/12.1 MB\x1b[0m \x1b[31m8 MB/s\x1b[0m": Report(done=9.6, total=12.1),
    "Progress 1234 of 5678": Report(done=1234, total=5678),
    # git, ninja, make, cargo, wget, yt-dlp, HandBrake, docker
    "Receiving objects:  45% (450/1000), 1.20 MiB | 3.00 MiB/s": Report(done=450, total=1000),
    "[12/340] Building C object main.c.o": Report(done=12, total=340),
    "[ 45%] Building CXX object src/main.cpp.o": Report(fraction=0.45),
    "    Building [=====>       ] 45/120: serde, syn": Report(done=45, total=120),
    "  2850K .......... .......... .......... 45% 1.21M 3s": Report(fraction=0.45),
    "[download]  45.5% of   10.00MiB at    1.00MiB/s ETA 00:05": Report(fraction=0.455),
    "Encoding: task 1 of 1, 25.5 % (30.12 fps)": Report(fraction=0.255),
    "Step 2/8 : RUN make": Report(done=2, total=8),
    "1,024 / 4,096 files": Report(done=1024, total=4096),
    "Progress:45%": Report(fraction=0.45),
}
OTHERS = """
  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current
  0     0    0  512k    0     0  300k      0 --:--:--  0:00:01 --:--:--  300k
frame= 1230 fps=8.1 q=28.0 size=   40960kB time=00:00:41.00 bitrate=8183.9kbits/s speed=1.2x
2026/11/22 14:05:01 started
11/22/2026
at 00:12/04:33
/usr/lib/1/2
10.0.0.0/24
9/5 tries
120% of the load
0/0
acc=93% to-chk=3/10
10-20% less
file45%20name
HTTP/1.1 200 OK
5/s
v1.2/3.4.5
and/or 3/x
""".strip("\n").splitlines()
FFMPEG = b"""
Input #0, matroska,webm, from 'in.mkv':
  Duration: 00:01:40.00, start: 0.000000, bitrate: 5313 kb/s
Input #1, mp3, from 'in.mp3':
  Duration: 00:00:30.10, start: 0.000000, bitrate: 128 kb/s
  Stream #0:0: Video: h264 (High), yuv420p(tv), 1920x1080 [SAR 1:1 DAR 16:9], 25 fps
frame=  123 fps=8.1 q=28.0 size=    1024kB time=00:00:05.12 bitrate=1638.4kbits/s speed=1.2x
frame= 1230 fps=8.1 q=28.0 size=   40960kB time=00:00:41.00 bitrate=8183.9kbits/s speed=1.2x
"""


@pytest.mark.parametrize("line", METERS)
def test_meters(line: str) -> None:
    """As the programs print them."""
    report = find(line.encode())
    assert report == METERS[line]


@pytest.mark.parametrize("line", OTHERS)
def test_no_meters(line: str) -> None:
    """Dates, paths, addresses, versions, speeds, what counts down, and what makes no sense."""
    assert find(line.encode()) is None


def test_ffmpeg() -> None:
    """It says how long its longest input is, and later where it is; another run begins with its own length."""
    guess = read(split(FFMPEG)[0])
    assert guess.report == Report(done=41, total=100, unit="s")
    guess = read([b"  Duration: 00:00:50.00, start: 0", b"size= 1kB time=00:01:10.00 bitrate=1kbits/s speed=1x"], guess)
    assert (guess.report, guess.length) == (Report(done=50, total=50, unit="s"), 50)
    assert read([b"frame=1 time=00:00:10.00 bitrate=N/A speed=1x"], guess).report == Report(done=10, total=50, unit="s")


#: What tqdm 4.67 writes for a loop of 3 with a loop of 4 in it, a line each; the inner bar goes when it is over.
NESTED = (
    b"\repochs:   0%|          | 0/3 [00:00<?, ?it/s]\n"
    b"\repoch 0/3:   0%|          | 0/4 [00:00<?, ?it/s]\x1b[A\n"
    b"\repoch 0/3:  75%|\xe2\x96\x88  | 3/4 [00:00<00:00,  8.29it/s]\x1b[A\n"
    b"\r                                                        \x1b[A"
    b"\repochs:  33%|\xe2\x96\x88   | 1/3 [00:00<00:00,  2.07it/s]\n"
    b"\repoch 1/3:  25%|\xe2\x96\x88   | 1/4 [00:00<00:00,  8.32it/s]\x1b[A\n"
)


def test_loops_within_loops() -> None:
    """The outermost counts, whatever the inner ones do and say; one that is alone there counts, too."""
    lines, _ = split(NESTED)
    assert [read(lines[:place]).report for place in (2, 4, 6)] == [Report(done=0, total=3)] * 3
    assert read(lines).report == Report(done=1, total=3)
    alone = [line for line in lines if b"epoch " in line]
    assert [read(alone[:place]).report for place in (1, 2, 3)] == [
        Report(done=done, total=4) for done in (0, 3, 1)
    ]  # fmt: skip
    assert read(lines, read(alone)).report == Report(done=1, total=3)


@given(st.lists(st.sampled_from([b"40%", b"3/10", b"x", b"\r", b"\n", b"\r\n", b" "]), max_size=20), st.integers(0, 60))
def test_in_pieces(parts: list[bytes], place: int) -> None:
    """However output is cut in two, going on where the rest began finds the same."""
    text = b"".join(parts)
    lines, rest = split(text[:place])
    more, end = split(text[rest:])
    assert read(more, read(lines)) == read(split(text)[0])
    assert rest + end == split(text)[1]


@given(st.one_of(st.binary(max_size=200), st.text("0123456789%/.,: of|#k-\x1b[m\r", max_size=200).map(str.encode)))
@example(b"9" * LONGEST_LINE)
@example(b"1/" * (LONGEST_LINE // 2))
@example(b"1%|" * (LONGEST_LINE // 3))
@example(b"1 of " * (LONGEST_LINE // 5))
@example(b"frame=" + b" time=00:00:00.0 " * 200)
def test_whatever_is_printed(line: bytes) -> None:
    """Nothing breaks the reading, and what is found can be reported."""
    report = find(line)
    if report is not None:
        progress.check(report)
        assert report.fraction is not None or report.total is not None


@given(
    st.integers(0, 10**9),
    st.integers(1, 10**9),
    st.sampled_from(["{}/{}", "({}/{})", "[{}/{}]", "{} of {}", "x {} / {}"]),
)
def test_any_amount(done: int, total: int, form: str) -> None:
    """Of any size, in the usual brackets; more than all is nothing."""
    expected = Report(done=done, total=total) if done <= total else None
    assert find(form.format(done, total).encode()) == expected


def test_the_last_counts() -> None:
    """Of a line, of several lines, and lines that tell nothing, or are too long, change nothing."""
    assert find(b"10% then 20%") == Report(fraction=0.2)
    assert read([b"10%", b"20%", b"", b"done", b"30%" + b" " * LONGEST_LINE]).report == Report(fraction=0.2)
    assert read([]) == NOTHING
