"""Who may log in at Betfair, and who has."""

from collections import OrderedDict

import msgspec

from app.stadium.naming import number_of

# An account has a few sessions at a time; the oldest is forgotten.
SESSIONS_MAX = 100


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who may log in."""

    app_keys: frozenset[str]
    username: str
    password: str


class Sessions:
    """Who has logged in; the stream asks too."""

    def __init__(self, account: Account, *, seed: int) -> None:
        self.account = account
        self._seed = seed
        self._count = 0
        self._tokens: OrderedDict[str, None] = OrderedDict()

    def begin(self) -> str:
        """Returns a new session."""
        self._count += 1
        token = f"sim-{number_of(10**15, str(self._seed), 'session', str(self._count))}="
        self._tokens[token] = None
        while len(self._tokens) > SESSIONS_MAX:
            self._tokens.popitem(last=False)
        return token

    def known(self, token: str) -> bool:
        """Says whether a session lasts."""
        return token in self._tokens

    def end(self, token: str) -> None:
        """Ends a session, or all with an empty token."""
        if token:
            self._tokens.pop(token, None)
        else:
            self._tokens.clear()
