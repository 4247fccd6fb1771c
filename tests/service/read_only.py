"""Running programs as in a container: another user without a home, and nothing but what is named may be written."""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).parents[2]
USER = "12345"  # whom no list of users names


def may_mount() -> bool:
    """Whether this user may have mounts of its own."""
    try:
        tried = subprocess.run(
            ["unshare", "-m", "sh", "-c", "mount --make-rprivate / && mount -t tmpfs none /mnt && command -v setpriv"],
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        return False
    return tried.returncode == 0


def read_only(command: Sequence[str], scratch: Path, *, read: Sequence[Path], written: Sequence[Path]) -> list[str]:
    """A command line that runs a command where only some folders may be written.

    Args:
        command: The program and its arguments.
        scratch: An empty folder for the mounts.
        read: Folders that the program needs, which may lie in one that only this user can enter.
        written: Those that it may write to; none of them in a folder that only this user can enter.
    """
    hidden = {each for folder in read if (each := _hidden(folder)) is not None}
    lines = ["set -e", "mount --make-rprivate /"]
    for number, folder in enumerate(read):
        lines += [f"mkdir {scratch}/{number}", f"mount --bind {folder} {scratch}/{number}"]
    lines += [f"mount -t tmpfs -o mode=755 none {folder}" for folder in sorted(hidden)]
    lines.append("mount --bind / /")
    for number, folder in enumerate(read):
        lines += [f"mkdir -p {folder}", f"mount --bind {scratch}/{number} {folder}"]
        lines.append(f"mount -o remount,bind,ro {folder}")
    lines += [f"mount -o remount,bind,ro {folder}" for folder in sorted(hidden)]
    for folder in (
        Path("/tmp"),
        Path("/dev/shm"),
        *sorted(set(written) - {Path("/tmp")}),
    ):  # each over the one it is in
        lines.append(f"mount --bind {folder} {folder}")
        lines.append(f"mount -o remount,bind,{'rw' if folder in written else 'ro'} {folder}")
    lines += ["cd /", "mount -o remount,bind,ro /"]
    drop = f"setpriv --reuid={USER} --regid={USER} --clear-groups env -i PATH=/usr/bin:/bin"
    lines.append(f"exec {drop} {shlex.join(command)}")
    return ["unshare", "-m", "sh", "-c", "\n".join(lines)]


def needed() -> list[Path]:
    """The folders of this Python, its environment and the project, outer ones first."""
    every = {Path(folder).resolve() for folder in (sys.base_prefix, sys.prefix, PROJECT)}
    return sorted(folder for folder in every if not any(other in folder.parents for other in every))


def _hidden(folder: Path) -> Path | None:
    """The outermost folder around one that others cannot enter."""
    return next((each for each in reversed(folder.parents) if not each.stat().st_mode & 0o001), None)
