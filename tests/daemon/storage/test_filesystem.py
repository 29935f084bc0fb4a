"""Network file systems are known by their mount, marks stay, and the ballast never stands in the way."""

import errno
import os
from pathlib import Path

import pytest

from jobd.core.errors import StorageBroken
from jobd.daemon.storage import filesystem

MOUNTS = r"""
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:20 / /home rw shared:2 master:1 - nfs4 server:/export/home rw,vers=4.2
24 23 0:21 / /home/me/local rw - xfs /dev/vdb rw
25 22 0:22 / /mnt/with\040space rw - cifs //server/share rw
26 22 0:23 / /mnt/windows rw - fuseblk /dev/vdc rw
27 22 0:24 / /mnt/ssh rw - fuse.sshfs me@server:/ rw
28 22 0:25 / /mnt rw - tmpfs none rw
""".strip()


@pytest.mark.parametrize(
    ("directory", "kind", "refused"),
    [
        ("/", "ext4", False),
        ("/var/lib/jobd", "ext4", False),
        ("/homeless", "ext4", False),
        ("/home/me/.local/state/jobd", "nfs4", True),
        ("/home", "nfs4", True),
        ("/home/me/local/jobd", "xfs", False),
        ("/mnt/with space/jobd", "cifs", True),
        ("/mnt/windows", "fuseblk", False),
        ("/mnt/ssh/jobd", "fuse.sshfs", True),
        ("/mnt/other", "tmpfs", False),
    ],
)
def test_the_kind_of_a_directory(directory: str, kind: str, refused: bool) -> None:  # noqa: FBT001 -- a case
    """The innermost mount counts, with its name unescaped; a name that only begins alike does not."""
    assert filesystem.kind_of(directory, MOUNTS) == kind
    assert bool(filesystem.NETWORK.fullmatch(kind)) == refused


@pytest.mark.parametrize("kind", "nfs nfs4 cifs smb3 smbfs 9p afs ceph lustre fuse.sshfs fuse.glusterfs".split())
def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """The message names the kind and what to do."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"22 1 254:1 / / rw - {kind} server:/ rw\n")
    monkeypatch.setattr(filesystem, "MOUNTS", mounts)
    with pytest.raises(StorageBroken, match=rf"network file system \({kind}\).*set JOBD_DIR"):
        filesystem.refuse_network(tmp_path / "jobd.db")


def test_local_and_unknown_ones_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the test runs a database may be; where nothing can be known of mounts, too."""
    filesystem.refuse_network(tmp_path / "jobd.db")
    monkeypatch.setattr(filesystem, "MOUNTS", tmp_path / "missing")
    filesystem.refuse_network(tmp_path / "jobd.db")


def test_a_link_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is where the directory really is."""
    real, link, mounts = tmp_path / "real", tmp_path / "link", tmp_path / "mountinfo"
    real.mkdir()
    link.symlink_to(real)
    mounts.write_text(f"22 1 254:1 / / rw - ext4 /dev/vda rw\n23 22 0:1 / {real.resolve()} rw - nfs4 s:/ rw\n")
    monkeypatch.setattr(filesystem, "MOUNTS", mounts)
    with pytest.raises(StorageBroken):
        filesystem.refuse_network(link / "jobd.db")


def test_marks(tmp_path: Path) -> None:
    """A mark is there after it was put, and putting it again changes nothing."""
    mark = filesystem.created_mark(tmp_path / "jobd.db")
    for _ in range(2):
        filesystem.put_mark(mark)
        assert mark.stat().st_mode & 0o777 == 0o600
    assert mark != filesystem.suspect_mark(tmp_path / "jobd.db")


def test_ballast(tmp_path: Path) -> None:
    """It takes up real room, once, and can be dropped once."""
    path = tmp_path / "jobd.db"
    for _ in range(2):
        filesystem.load_ballast(path)
        assert filesystem.ballast(path).stat().st_blocks * 512 == filesystem.BALLAST_BYTES
    assert filesystem.drop_ballast(path)
    assert not filesystem.drop_ballast(path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EOPNOTSUPP])
def test_without_room_for_ballast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Where there is no room, or none can be set aside, nothing is left behind and nothing is wrong."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", fail)
    filesystem.load_ballast(tmp_path / "jobd.db")
    assert list(tmp_path.iterdir()) == []


def test_without_a_call_to_set_room_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On systems without posix_fallocate the ballast is written."""
    monkeypatch.delattr(os, "posix_fallocate")
    filesystem.load_ballast(tmp_path / "jobd.db")
    assert filesystem.ballast(tmp_path / "jobd.db").stat().st_size == filesystem.BALLAST_BYTES
