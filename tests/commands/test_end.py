"""jobd end: what was begun elsewhere has ended."""

from tests.commands.running import House


def begin(house: House, name: str) -> str:
    """Begin a job and give its id."""
    return house("begin", name).out.strip()


def test_with_an_exit_status(house: House) -> None:
    """0 is completed, anything else failed with it; several at once."""
    good, bad = begin(house, "good"), begin(house, "bad")
    done = house("end", good)
    assert (done.status, done.out) == (0, f"{good} good: completed\n")
    assert house("end", bad, "--exit", "7").out == f"{bad} bad: exit 7\n"
    job = house.json("status", "--json", bad)
    assert (job["state"], job["reason"], job["exit_code"]) == ("failed", "exit:7", 7)
    several = [begin(house, "s") for _ in range(3)]
    assert house("end", "-q", *several).out.split() == several
    assert [job["id"] for job in house.json("end", "--json", begin(house, "j"))] == [int(several[-1]) + 1]


def test_bad_input(house: House) -> None:
    """An ended one, one that jobd runs itself, an unknown one, an absurd status: nothing is changed."""
    over = begin(house, "over")
    house("end", over)
    mine = str(house.running())
    living = begin(house, "living")
    refused = {
        (): (2, "missing argument 'JOB...'"),
        (over,): (1, "has already ended"),
        (living, over): (1, "has already ended"),
        (mine,): (1, "run by jobd"),
        ("999",): (66, "no job 999"),
        (living, "--exit", "256"): (2, "256 is not in the range"),
        (living, "--exit", "-1"): (2, "-1 is not in the range"),
    }
    for words, (status, said) in refused.items():
        done = house("end", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said in done.err, (words, done)
    assert house.daemon.job(int(living))["state"] == "running"
    house.over(int(mine))


def test_none_at_all(own: House) -> None:
    """`all` names those that were begun and have not ended; if there is none, 1."""
    one = begin(own, "one")
    own.ran("true")
    assert own("end", "all").out == f"{one} one: completed\n"
    nothing = own("end", "all")
    assert (nothing.status, nothing.out, nothing.err) == (1, "", "! no job is concerned\n")
    own.daemon.stop()
    assert own("end", "--no-start", one).status == 69
