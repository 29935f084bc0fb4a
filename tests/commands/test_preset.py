"""jobd preset: filters with names, and where they may be used."""

from tests.commands.running import House


def test_saved_and_used(house: House) -> None:
    """A saved filter stands for itself in others, may be saved anew, and is gone when it is removed."""
    good, bad = house.ran("true", name="nightly"), house.ran("false", name="nightly")
    assert house("preset", "save", "night", "name=night*").status == 0
    assert house.json("preset", "save", "@night-bad", "@night", "@failed", "--json") == {
        "name": "night-bad", "filter": "@night @failed", "help": None,
    }  # fmt: skip
    assert house("history", "@night", "-q").out == f"{bad}\n{good}\n"
    assert house("list", "--where", "@night-bad", "-q").out == f"{bad}\n"
    assert house("preset", "save", "night", "name=none").status == 0
    assert house("history", "@night-bad", "-q").out == ""
    rows = [line.split("\t") for line in house("preset", "list").out.splitlines()]
    assert ["night", "name=none", "-"] in rows
    assert ["failed", "state = failed", "Ended badly."] in rows
    used = house("preset", "rm", "night")
    assert (used.status, used.out) == (1, "")
    assert "@night is used by @night-bad" in used.err
    for name in ("night-bad", "night"):
        assert house("preset", "rm", name).out == f"removed @{name}\n"
    gone = house("history", "@night")
    assert (gone.status, 'no preset "@night"' in gone.err) == (65, True)


def test_they_outlive_the_daemon(own: House) -> None:
    """What is saved is durable, and used without a daemon, too."""
    job_id = own.ran("true", name="kept")
    assert own("preset", "save", "mine-own", "name=kept").status == 0
    own.daemon.kill()
    assert own("history", "@mine-own", "-q", "--no-start").out == f"{job_id}\n"


def test_bad_input(house: House) -> None:
    """A name that is none or is taken, a filter that is none, one that stands for itself: nothing is saved."""
    refused = {
        ("save", "7x", "name=a"): (65, "needs a letter first"),
        ("save", "failed", "name=a"): (65, "@failed is always there"),
        ("save", "x", "stat=failed"): (65, 'no field "stat"; did you mean "state"?'),
        ("save", "x", "@x"): (65, "stands for itself"),
        ("save", "x", ""): (65, "filter"),
        ("save", "x"): (2, "Missing argument"),
        ("rm", "nosuch"): (66, "a saved preset @nosuch"),
    }
    for words, (status, said) in refused.items():
        done = house("preset", *words)
        assert (done.status, done.out) == (status, ""), (words, done)
        assert said.lower() in done.err.lower(), (words, done)
    assert "\nx\t" not in house("preset", "list").out
