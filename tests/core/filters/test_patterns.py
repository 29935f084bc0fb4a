"""Wildcards and regular expressions: what fits what, that none explodes, and that RE2 is loaded only when needed."""

import subprocess
import sys
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.filters.patterns import literally, regexp, regular, wildcards

#: An expression and a text that keep a matcher that goes back and forth busy until the end of time.
EXPLOSIVE = ("(a*)*$", "(a|a)*$", "(a|b|ab)*c", "(.*a){20}", "^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y")


@pytest.mark.parametrize("expression", EXPLOSIVE)
def test_no_expression_explodes(expression: str) -> None:
    """What never ends elsewhere ends here; a matcher of the other kind would be stopped by the limit of the tests."""
    assert isinstance(regular(expression)("a" * 50_000 + "!"), bool)
    assert regexp(expression, "ax" * 25_000 + "!") in (True, False)


def test_wildcards_do_not_explode() -> None:
    """Many stars, and a text that fits until its last character."""
    assert not wildcards("*a" * 40 + "b")("a" * 5000)


@given(st.text(st.sampled_from("ab*?[]^!-\\\n."), max_size=8), st.text(st.sampled_from("ab*?[]^!-\\\n."), max_size=8))
def test_a_literal_fits_itself_only(text: str, other: str) -> None:
    """Whatever its characters mean in patterns."""
    assert wildcards(literally(text))(other) == (text == other)
    assert wildcards(f"*{literally(text)}*")(f"x{text}y")
    assert fnmatchcase(text, literally(text))


REFUSED = ("a(", "(?=x)", r"(a)\1", "a{1001}", "[z-a]", "*", "\\", "(?P<n", "(?<!a)b", "((a{100}){100}){100}")


@pytest.mark.parametrize("expression", REFUSED)
def test_what_re2_does_not_take(expression: str, capfd: pytest.CaptureFixture[str]) -> None:
    """It says why, in the error and nowhere else."""
    with pytest.raises(ValueError, match=r"[a-z]"):
        regular(expression)
    assert capfd.readouterr() == ("", "")


PROGRAM = """
import sys
from datetime import datetime
from jobd.core.filters import Asker, parse
text = sys.argv[1]
which = parse(text, Asker(datetime.now().astimezone(), datetime.astimezone))
print("re2" in sys.modules, "difflib" in sys.modules, "sqlite3" in sys.modules)
"""


@pytest.mark.parametrize(("text", "loaded"), [("name = a* codec duration > 5m", "False"), ("name ~ a", "True")])
def test_re2_is_loaded_for_a_regular_expression_only(text: str, loaded: str) -> None:
    """Reading a filter loads no more than it needs."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, text], capture_output=True, text=True, check=True)
    assert done.stdout == f"{loaded} False False\n"
