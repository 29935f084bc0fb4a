"""jobd retry --failed-items: a real script goes on with what failed or was left undone, and what is done stays."""

import os
from pathlib import Path

from tests.commands.running import House
from tests.daemon.upkeep.test_backoff import rests
from tests.waiting import until

#: Works through its arguments, or through what is left; some files fail until they are mended.
SCRIPT = """\
if [ -n "${JOBD_ITEMS-}" ]; then
    while IFS= read -r key; do set -- "$@" "$key"; done < "$JOBD_ITEMS"
else
    set -- a 'b c' d e f
    printf 'item %s pending\\n' a d e f >&$JOBD_FD
    echo '{"item": "b c", "state": "pending"}' >&$JOBD_FD
fi
bad=0
for key; do
    echo "$JOBD_ATTEMPT $key" >> done
    if [ "$key" = e ]; then echo "item e skipped" >&$JOBD_FD; continue; fi
    if [ -e "bad-$key" ]; then
        echo "{\\"item\\": \\"$key\\", \\"state\\": \\"failed\\", \\"error\\": \\"no luck\\"}" >&$JOBD_FD
        bad=1
        [ "$key" != d ] || exit 3
    else
        echo "{\\"item\\": \\"$key\\", \\"state\\": \\"completed\\"}" >&$JOBD_FD
    fi
done
exit $bad
"""


def items(house: House, job_id: int) -> dict[str, tuple[str, int]]:
    """Say of each item how it stands, and its attempt."""
    return {item["key"]: (item["state"], item.get("attempt", 1)) for item in house.json("items", "--json", str(job_id))}


def test_a_script_goes_on_with_what_is_left(own: House, tmp_path: Path) -> None:
    """Also across the death of the daemon, and more than once; a retry without the flag does everything anew."""
    (tmp_path / "bad-b c").touch()
    (tmp_path / "bad-d").touch()
    job_id = own.ran("sh", "-c", SCRIPT, cwd=str(tmp_path), name="work")
    assert own.daemon.job(job_id)["exit_code"] == 3
    assert items(own, job_id) == {
        "a": ("completed", 1), "b c": ("failed", 1), "d": ("failed", 1), "e": ("pending", 1), "f": ("pending", 1),
    }  # fmt: skip
    (tmp_path / "bad-d").unlink()
    own.daemon.kill()
    own.daemon.start(own.environ)
    assert own("retry", "--failed-items", "work").out == f"{job_id} work: pending\n"
    job = own.daemon.ended(job_id)
    assert (job["state"], job["attempt"], job["progress"]["fraction"]) == ("failed", 2, 1.0)
    assert (tmp_path / "done").read_text().splitlines()[3:] == ["2 b c", "2 d", "2 e", "2 f"]
    assert items(own, job_id) == {
        "a": ("completed", 1), "b c": ("failed", 2), "d": ("completed", 2), "e": ("skipped", 1), "f": ("completed", 1),
    }  # fmt: skip
    (tmp_path / "bad-b c").unlink()
    assert own("retry", "--failed-items", "work").status == 0
    assert own.daemon.ended(job_id)["state"] == "completed"
    assert (tmp_path / "done").read_text().splitlines()[7:] == ["3 b c"]
    nothing = own("retry", "--failed-items", "work")
    assert (nothing.status, nothing.out) == (66, "")
    assert f"job {job_id} (work) has no item that failed or was left undone" in nothing.err
    assert own("retry", "work").status == 0
    until(lambda: own.daemon.job(job_id)["attempt"] == 4 and own.daemon.job(job_id)["done"])
    assert (tmp_path / "done").read_text().splitlines()[8:] == ["4 a", "4 b c", "4 d", "4 e", "4 f"]


def test_it_is_retried_so_by_itself(own: House, tmp_path: Path) -> None:
    """A job that goes on with what is left and fails again does so in its next attempt, too; so at its own request."""
    (tmp_path / "bad-d").touch()
    retries = {"most": 1, "delay": 3600.0}
    job_id = own.submit("sh", "-c", SCRIPT, cwd=str(tmp_path), name="work", retries=retries)
    rests(own.daemon, job_id)
    assert own("retry", "--failed-items", str(job_id)).status == 0
    assert own.daemon.ended(job_id)["attempt"] == 2
    short = {**retries, "delay": 0.1}
    job_id = own.submit("sh", "-c", SCRIPT, cwd=str(tmp_path), name="again", retries={**short, "most": 2})
    own.daemon.ended(job_id)
    (tmp_path / "done").unlink()
    assert own("retry", "--failed-items", str(job_id)).status == 0
    until(lambda: own.daemon.job(job_id)["attempt"] == 6 and own.daemon.job(job_id)["done"])
    assert (tmp_path / "done").read_text().splitlines() == ["4 d", "5 d", "6 d"]


def test_all_or_none(house: House) -> None:
    """One that has no items keeps the others from being run again; a job of a job does not inherit what is left."""
    with_items = house.ran("sh", "-c", "printf 'item %s\\n' 'a failed' 'b completed' >&$JOBD_FD; env")
    without = house.ran("sh", "-c", "env", environment=["JOBD_ITEMS=/elsewhere"])
    done = house("retry", "--failed-items", str(with_items), str(without))
    assert (done.status, done.out) == (66, "")
    assert house.daemon.job(with_items)["attempt"] == 1
    assert "JOBD_ITEMS" not in house.raw("log", str(with_items)).decode() + house.raw("log", str(without)).decode()
    assert house("retry", "--failed-items", "--json", str(with_items)).status == 0
    house.daemon.ended(with_items)
    said = dict(line.split("=", 1) for line in house.raw("log", str(with_items)).decode().splitlines())
    assert said["JOBD_ITEMS"] == f"{house.state}/run/{with_items}.2/items"
    assert not os.path.exists(said["JOBD_ITEMS"])


def test_very_many(own: House, tmp_path: Path) -> None:
    """Twenty thousand in a moment: the job finds each key that is left."""
    lines = "\n".join(f"item-{number} {'failed' if number % 2 else 'completed'}" for number in range(20_000))
    (tmp_path / "lines").write_text(f"{lines}\n")
    script = 'if [ -n "$JOBD_ITEMS" ]; then cp "$JOBD_ITEMS" left; else sed "s/^/item /" lines >> "$JOBD_REPORT"; fi'
    job_id = own.ran("sh", "-c", script, cwd=str(tmp_path))
    assert own("retry", "--failed-items", str(job_id)).status == 0
    job = own.daemon.ended(job_id)
    assert (job["progress"]["items"]["pending"], job["progress"]["items"]["completed"]) == (10_000, 10_000)
    left = (tmp_path / "left").read_text().splitlines()
    assert sorted(left) == sorted(f"item-{number}" for number in range(1, 20_000, 2))
