"""What a newcomer gets: two commands in the README, and an installation that brings manual and completions."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import jobd
from tests.source import ROOT, modules

PLACES = (
    "share/man/man1/jobd.1",
    "share/man/man5/jobd.toml.5",
    "share/man/man7/jobd-protocol.7",
    "share/bash-completion/completions/jobd",
    "share/zsh/site-functions/_jobd",
    "share/fish/vendor_completions.d/jobd.fish",
)


def command(marker: str) -> str:
    """Give the command that the README shows below a marker."""
    block = re.search(rf"<!-- {marker} -->\n```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block, f"README.md has no code block below <!-- {marker} -->"
    return block[1].strip()


def test_the_readme_has_two_commands() -> None:
    """One line to try it, one line to install and pass the tests; both make an environment of their own."""
    assert (
        command("test")
        == "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/pytest -q -n auto"
    )
    assert command("try").startswith("python3 -m venv .venv && .venv/bin/pip install -q -e . && .venv/bin/jobd ")


@pytest.mark.parametrize("marker", ["try", "test"])
def test_the_commands_are_correct_shell(marker: str) -> None:
    """A shell takes the commands as they stand in the README."""
    subprocess.run(["bash", "-n", "-c", command(marker)], check=True)


def test_nobody_is_told_to_install_another_program() -> None:
    """The name jobd belongs to somebody else where Python packages are published."""
    texts = [*ROOT.glob("*.md"), *(ROOT / "jobd").rglob("*.py")]
    assert [path for path in texts if re.search(r"(pipx?|uv) (tool )?install jobd\b(?!-local)", path.read_text())] == []


def test_the_continuous_check_runs_the_readmes_command(tmp_path: Path) -> None:
    """.ci/run takes the line from the README of a copy of the checkout, and says so if there is none."""
    for name in (".ci/run", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
        (tmp_path / name).chmod(0o755)
    readme = tmp_path / "README.md"
    readme.write_text(readme.read_text().replace(command("test"), "test -e README.md && pwd && exit 7"))
    done = run_check(tmp_path)
    assert done.returncode == 7
    assert done.stdout.splitlines()[-1].startswith("/tmp/jobd-ci.")
    assert not Path(done.stdout.splitlines()[-1]).exists()
    readme.write_text("nothing")
    done = run_check(tmp_path)
    assert (done.returncode, "no code block below a line <!-- test -->" in done.stderr) == (2, True)


def run_check(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the check of a checkout that git knows nothing of, without looking for packages of the system."""
    env = {**os.environ, "GIT_DIR": "/nonexistent", "PATH": f"{root}/bin:{os.environ['PATH']}"}
    (root / "bin").mkdir(exist_ok=True)
    for program in ("mandoc", "zsh", "fish", "nc", "jq", "rsync"):
        (root / "bin" / program).write_text("#!/bin/sh\n")
        (root / "bin" / program).chmod(0o755)
    return subprocess.run([root / ".ci" / "run"], env=env, capture_output=True, text=True, check=False)


def test_an_installation_brings_manual_and_completions() -> None:
    """What is installed puts the files where man, bash, zsh and fish look for them."""
    try:
        found = importlib.metadata.distribution("jobd-local")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("jobd-local is not installed in this environment, only on its path")
    assert found.version == jobd.__version__
    assert [place for place in PLACES if not (Path(sys.prefix) / place).is_file()] == []


def test_only_what_is_declared_is_needed() -> None:
    """The product asks for six packages, and the package imports no other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split("[<>=]", need)[0] for need in project["dependencies"]}
    assert declared == {"click", "google-re2", "msgspec", "platformdirs", "psutil", "watchfiles"}
    named = {item.module.partition(".")[0] for module in modules() for item in module.imports}
    assert named - sys.stdlib_module_names - {"jobd"} <= declared | {"re2"}
