"""Becomes another program, as another account, that dies when the process that started it dies.

Run as a script, by path, before anything of ours can be imported:
`python -I -S tied.py PARENT SIGNAL UID GID PROGRAM ARGUMENT...`; UID and GID -1 keep the account.
A program of its own, because `preexec_fn` is not safe in a process with threads.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # From linux/prctl.h.


def become(parent: int, death_signal: int, account: tuple[int, int], command: list[str]) -> None:
    """Drops to the account, ties itself to the parent, and turns into the command."""
    uid, gid = account
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid: a change of account clears the setting. An exec keeps it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        sys.exit(f"the process {parent} that wanted {command[0]} is gone")
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    become(
        int(sys.argv[1]),
        int(sys.argv[2]),
        (int(sys.argv[3]), int(sys.argv[4])),
        sys.argv[5:],
    )
