"""Passwords as argon2id hashes, made and checked in threads of their own."""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from app.access.errors import TooManyLogins

# OWASP's password storage cheat sheet (argon2id, 19 MiB, 2 passes, 1 lane): about 20 ms here.
MEMORY_KIB = 19_456
PASSES = 2
LANES = 1
# At once: both cores of a small machine, 38 MiB. Waiting: about half a second of work.
THREADS_MAX = 2
WAITING_MAX = 32

T = TypeVar("T")


class Passwords:
    """Makes and checks hashes; at most `THREADS_MAX` at once and `WAITING_MAX` in the queue."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._argon2 = argon2.PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=LANES
        )
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="argon2")
        self._waiting = 0
        # Nobody's hash: checking against it costs what checking a real one does, and never fits.
        salt, digest = (
            b64encode(secrets.token_bytes(n)).rstrip(b"=").decode()
            for n in (self._argon2.salt_len, self._argon2.hash_len)
        )
        self.nobody = f"$argon2id$v=19$m={memory_kib},t={passes},p={LANES}${salt}${digest}"

    async def hash(self, password: str) -> str:
        """Returns the hash to keep; raises TooManyLogins when the queue is full."""
        return await self._in_thread(self._argon2.hash, password)

    async def fits(self, hashed: str, password: str) -> bool:
        """Says whether the password made this hash; raises TooManyLogins when the queue is full."""
        return await self._in_thread(self._verify, hashed, password)

    def is_outdated(self, hashed: str) -> bool:
        """Says whether a hash was made with other parameters than are used now."""
        return self._argon2.check_needs_rehash(hashed)

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._argon2.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[..., T], *given: str) -> T:
        if self._waiting >= WAITING_MAX:
            raise TooManyLogins
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)
        finally:
            self._waiting -= 1


# One for the process: its threads are the bound.
PASSWORDS = Passwords()
