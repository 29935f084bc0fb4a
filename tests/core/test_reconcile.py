"""The verdict on every attempt that can be found, against a table in which no line depends on another."""

from itertools import product

from jobd.core.reconcile import RULES, Claim, Facts, Row, Verdict, examine

FLAGS = (False, True)
PRODUCT = [
    Facts(
        row=row, locked=locked, claim=claim, exited=exited, same_boot=same_boot, main_alive=main_alive,
        never_ran=never_ran, spec_readable=spec_readable,
    )
    for row, locked, claim, exited, same_boot, main_alive, never_ran, spec_readable in product(
        Row, FLAGS, Claim, FLAGS, FLAGS, FLAGS, FLAGS, FLAGS
    )
]  # fmt: skip

#: Database, lock, claim, exit record, same boot, main alive, never ran; * = any; and what is to be done. No line
#: stands above another: each case is named by lines of one mind.
EXPECTED = """
terminal  no   *      *    *    *    *    clean
terminal  yes  *      *    *    *    *    watch
open      no   *      yes  *    *    *    finish
open      yes  shim   yes  *    *    *    drain
open      yes  shim   no   *    *    *    adopt
open      no   shim   no   yes  yes  no   adopt_orphan
open      no   shim   no   yes  *    yes  requeue
open      no   shim   no   yes  no   no   lost_shim
open      no   *      no   no   *    *    lost_reboot
open      *    fence  no   yes  *    *    requeue
open      no   none   no   yes  *    *    fence
open      yes  none   no   *    *    *    fence
open      yes  fence  no   no   *    *    lost_reboot
open      yes  fence  yes  *    *    *    finish
open      yes  none   yes  *    *    *    finish
none      *    shim   *    *    *    *    import
none      *    *      yes  *    *    *    import
none      no   fence  no   *    *    *    discard
none      yes  fence  no   *    *    *    watch
none      no   none   no   no   *    *    discard
none      no   none   no   yes  *    *    fence
none      yes  none   no   *    *    *    fence
waiting   *    *      yes  *    *    *    import
waiting   *    shim   no   *    *    no   import
waiting   yes  shim   no   *    *    yes  watch
waiting   no   shim   no   *    *    yes  discard
waiting   no   fence  no   *    *    *    discard
waiting   yes  fence  no   *    *    *    watch
waiting   no   none   no   no   *    *    discard
waiting   no   none   no   yes  *    *    fence
waiting   yes  none   no   *    *    *    fence
"""
LINES = [line.split() for line in EXPECTED.strip().splitlines()]


def oracle(facts: Facts) -> set[str]:
    """Say what is to be done: the verdicts of all lines that fit."""
    found = [
        facts.row.value, facts.locked, facts.claim.value, facts.exited, facts.same_boot, facts.main_alive,
        facts.never_ran,
    ]  # fmt: skip
    words = [("no", "yes")[value] if isinstance(value, bool) else str(value) for value in found]
    fitting = {
        line[7] for line in LINES if all(want in ("*", word) for want, word in zip(line[:7], words, strict=True))
    }
    if "import" in fitting and not facts.spec_readable:
        return {"watch" if facts.locked else "keep"}
    return fitting


def test_the_expectations_are_whole_and_of_one_mind() -> None:
    """They leave nothing out and never want two things at once."""
    assert {len(oracle(facts)) for facts in PRODUCT} == {1}


def test_every_verdict() -> None:
    """All that can be found, 768 cases, gets the verdict that is expected."""
    assert len(PRODUCT) == 4 * 2 * 3 * 2 * 2 * 2 * 2 * 2
    wrong = [(facts, examine(facts)) for facts in PRODUCT if {examine(facts).value} != oracle(facts)]
    assert wrong == []


def test_no_line_of_the_table_is_idle() -> None:
    """Each line decides some case, and each verdict is reached."""
    deciding = {next(rule for rule in RULES if rule.fits(facts)) for facts in PRODUCT}
    assert deciding == set(RULES)
    assert {rule.verdict for rule in RULES} == set(Verdict)


def test_what_has_run_never_runs_again() -> None:
    """An exit record rules out every way to a second run, whatever else is found."""
    for facts in PRODUCT:
        if facts.exited:
            assert examine(facts) not in (Verdict.REQUEUE, Verdict.FENCE, Verdict.DISCARD)


def test_nothing_that_may_have_run_is_requeued() -> None:
    """To run it again needs proof within one boot: a fence, or the mark of a child that never executed."""
    for facts in PRODUCT:
        if examine(facts) is Verdict.REQUEUE:
            assert facts.same_boot
            assert facts.claim is Claim.FENCE or facts.never_ran
            assert not facts.exited


def test_a_living_shim_keeps_its_directory() -> None:
    """Under a lock that is held nothing is removed or moved away."""
    for facts in PRODUCT:
        if facts.locked:
            assert examine(facts) not in (Verdict.CLEAN, Verdict.DISCARD, Verdict.KEEP)


def test_a_running_job_is_never_forgotten() -> None:
    """A claim by a shim that holds its lock is watched over, whatever the database knows."""
    for facts in PRODUCT:
        if facts.locked and facts.claim is Claim.SHIM:
            seen = {Verdict.WATCH, Verdict.DRAIN, Verdict.ADOPT, Verdict.IMPORT}
            assert examine(facts) in seen


def test_looking_again_comes_to_an_end() -> None:
    """After a fence is won or lost, or a job was imported, the next look does not ask for the same again."""
    for facts in PRODUCT:
        if examine(facts) is Verdict.FENCE:
            for claim in (Claim.FENCE, Claim.SHIM):
                again = Facts(row=facts.row, locked=facts.locked, claim=claim, same_boot=facts.same_boot)
                assert examine(again) is not Verdict.FENCE
        if examine(facts) is Verdict.IMPORT:
            again = Facts(
                row=Row.OPEN, locked=facts.locked, claim=facts.claim, exited=facts.exited, same_boot=facts.same_boot,
                main_alive=facts.main_alive, never_ran=facts.never_ran,
            )  # fmt: skip
            assert examine(again) not in (Verdict.IMPORT, Verdict.FENCE)


def test_a_fence_that_was_won_lets_a_job_run() -> None:
    """A start that nobody answered is made again: fenced, then requeued; not after a reboot."""
    for locked in FLAGS:
        assert examine(Facts(row=Row.OPEN, locked=locked)) is Verdict.FENCE
        assert examine(Facts(row=Row.OPEN, locked=locked, claim=Claim.FENCE)) is Verdict.REQUEUE
    assert examine(Facts(row=Row.OPEN, same_boot=False)) is Verdict.LOST_REBOOT
