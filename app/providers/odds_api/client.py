"""The Odds API v4 as a provider of prices, fixtures and scores.

A poll of prices costs a credit a market and region, one of scores two (one without the matches that
are over); lists of matches and of sports are free. Every answer says how many credits are left.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

import msgspec

from app.providers.http import Exchange, Http, Reply, Request, retry_after_s
from app.providers.items import Part, joined
from app.providers.odds_api.normalize import NAME, read_fixtures, read_odds, read_scores
from app.providers.odds_api.offers import OddsFormat
from app.providers.odds_api.payloads import SportItem, items_of, refusal_of, sports_of
from app.providers.odds_api.sports import rules_of
from app.providers.provider import (
    Allowance,
    Answer,
    Ask,
    PollRule,
    ProviderError,
    ProviderRefused,
    ProviderUnreadable,
    QuotaSpent,
    Scope,
    ToldQuota,
    Window,
)

# It renews prices of matches in play every 40 seconds (others every 60) and scores every 30; new
# matches appear days ahead.
MARKETS_MS = 40_000
SCORES_MS = 30_000
FIXTURES_MS = 900_000
# It answers 429 to more than 30 requests a second, whoever of ours makes them. With three a rule,
# many sport keys that are due at once would do so; a process spaces its requests for a third of it.
REQUESTS_PER_SECOND = 30
PACE_S = 3 / REQUESTS_PER_SECOND
# Whose bookmakers are asked for when nobody says.
REGIONS = ("eu",)
# Days back in which ended matches are told of; without them a match would be in play for ever.
SCORES_DAYS = 1
# Matches named in a request: so few are asked for alone. Ids have 32 letters, addresses 2 kB.
EVENT_IDS_MAX = 20
# What codes of refusals mean that nothing more may be asked, and for how long. When credits are
# renewed is not told (it depends on the plan), so that is tried again in an hour.
SPENT_S: Mapping[str, float] = {"OUT_OF_USAGE_CREDITS": 3_600.0, "EXCEEDED_FREQ_LIMIT": 5.0}
# Statuses whose bodies say why in a code.
_REFUSALS = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_ACCEPT = frozenset({HTTPStatus.OK}) | _REFUSALS
_CREDITS_DIGITS_MAX = 9
_TIMEOUT_S = 8.0
_TIMEOUT_MS = 20_000
# How much more seldom days to come are asked for, where the world turns faster than this one.
_FIXTURES_SLOWER = 10
_ISO = {"dateFormat": "iso"}
# The third, x-requests-last, is what this answer cost; the allowance has taken it already.
_CREDITS = ("x-requests-remaining", "x-requests-used")


class OddsApi:
    """The Odds API, asked sport key by sport key; raises UnknownSportKey for one that is not ours.

    A rule's `part` is a sport key. `regions` are those of its bookmakers (us, uk, eu, au ...). In
    American odds, prices below evens are rounded to whole numbers there, and to thousandths here.
    """

    name = NAME

    def __init__(  # noqa: PLR0913 (plain values, as all adapters take them)
        self,
        *,
        key: str,
        url: str,
        sports: Sequence[str],
        regions: Sequence[str],
        allowance: Allowance,
        keep: Callable[[Exchange], None] | None = None,
        tls: ssl.SSLContext | None = None,
        fastest_ms: int | None = None,
        odds_format: OddsFormat = "decimal",
    ) -> None:
        self._key = key
        self._sports = {sport_key: rules_of(sport_key) for sport_key in sports}
        # It answers nothing without one.
        self._regions = tuple(dict.fromkeys(regions)) or REGIONS
        self._fastest_ms = fastest_ms
        self._format: OddsFormat = odds_format
        self._row = asyncio.Lock()
        self._free_at = 0.0
        self._http = Http(
            NAME,
            url,
            allowance=allowance,
            timeout_s=_TIMEOUT_S,
            quotas=credits_of,
            keep=keep,
            tls=tls,
        )

    def rules(self) -> Sequence[PollRule]:
        """Returns three rules a sport key; `cost` is in credits."""
        fixtures_ms, scores_ms, markets_ms = FIXTURES_MS, SCORES_MS, MARKETS_MS
        if self._fastest_ms is not None:
            fixtures_ms = self._fastest_ms * _FIXTURES_SLOWER
            scores_ms = markets_ms = self._fastest_ms
        intervals = {
            Scope.FIXTURES: fixtures_ms,
            Scope.SCORES: scores_ms,
            Scope.MARKETS: markets_ms,
        }
        return [
            PollRule(
                scope=scope,
                sport=rules.sport,
                part=sport_key,
                interval_ms=interval_ms,
                timeout_ms=_TIMEOUT_MS,
                cost=self._cost(scope, sport_key),
            )
            for sport_key, rules in self._sports.items()
            for scope, interval_ms in intervals.items()
        ]

    async def sports(self) -> Sequence[SportItem]:
        """Asks which sport keys there are, in season or not; free. Raises ProviderError."""
        reply = await self._ask("/v4/sports", {"all": "true"}, cost=0)
        return sports_of(reply.body)

    async def fixtures(self, ask: Ask) -> Answer:
        """Asks for matches that have not begun; free."""
        parts: list[Part] = []
        for sport_key in self._keys(ask):
            reply = await self._ask(f"/v4/sports/{sport_key}/events", _ISO, cost=0)
            parts.append(read_fixtures(self._items(reply), sport_key, reply.received_at))
        return joined(parts)

    async def scores(self, ask: Ask) -> Answer:
        """Asks for the scores of matches in play and just over, and for matches to come."""
        parts: list[Part] = []
        for sport_key in self._keys(ask):
            question = {**_ISO, **_named(ask), "daysFrom": f"{SCORES_DAYS}"}
            cost = self._cost(Scope.SCORES, sport_key)
            reply = await self._ask(f"/v4/sports/{sport_key}/scores", question, cost=cost)
            parts.append(read_scores(self._items(reply), sport_key, reply.received_at))
        return joined(parts)

    async def markets(self, ask: Ask) -> Answer:
        """Asks what bookmakers offer."""
        parts: list[Part] = []
        for sport_key in self._keys(ask):
            question = {
                **_ISO,
                **_named(ask),
                "regions": ",".join(self._regions),
                "markets": ",".join(rules_of(sport_key).markets),
                "oddsFormat": self._format,
            }
            cost = self._cost(Scope.MARKETS, sport_key)
            reply = await self._ask(f"/v4/sports/{sport_key}/odds", question, cost=cost)
            items = self._items(reply)
            parts.append(read_odds(items, sport_key, reply.received_at, self._format))
        return joined(parts)

    async def close(self) -> None:
        """Gives back the connections. Safe to call twice."""
        await self._http.close()

    def _keys(self, ask: Ask) -> Sequence[str]:
        """Returns the sport keys a question is about: its part, or without one all of the sport."""
        keys = [key for key, rules in self._sports.items() if rules.sport is ask.sport]
        return [key for key in keys if ask.part in {"", key}]

    async def _pace(self) -> None:
        """Waits in the row until the one before has been away for long enough, however late that
        was; those who wait are polls, and of them there are few.
        """
        async with self._row:
            await asyncio.sleep(max(self._free_at - time.monotonic(), 0.0))
            self._free_at = time.monotonic() + PACE_S

    def _items(self, reply: Reply) -> Sequence[msgspec.Raw]:
        try:
            return items_of(reply.body)
        except ProviderUnreadable as error:
            # A page of HTML may repeat the address, and the key in it.
            error.raw = error.raw.replace(self._key.encode() or b"***", b"***")
            raise

    def _cost(self, scope: Scope, sport_key: str) -> int:
        match scope:
            case Scope.FIXTURES:
                return 0
            case Scope.SCORES:
                return 2 if SCORES_DAYS else 1
            case Scope.MARKETS:
                return len(rules_of(sport_key).markets) * len(self._regions)

    async def _ask(self, path: str, question: Mapping[str, str], *, cost: int) -> Reply:
        await self._pace()
        reply = await self._http.ask(
            Request(
                path=path,
                parameters=question,
                secrets={"apiKey": self._key},
                cost=cost,
                accept=_ACCEPT,
            )
        )
        if reply.status in _REFUSALS:
            raise _refused(reply)
        return reply


def _named(ask: Ask) -> Mapping[str, str]:
    """Returns the filter for the matches wanted, when they are few enough to be named."""
    if not 0 < len(ask.matches) <= EVENT_IDS_MAX:
        return {}
    return {"eventIds": ",".join(ask.matches)}


def _refused(reply: Reply) -> ProviderError:
    """Returns the error a refusal stands for. Of its body only the code: it may hold the key."""
    code = refusal_of(reply.body)
    text = f"{reply.status} {code}".rstrip()
    wait_s = retry_after_s(reply.headers) or SPENT_S.get(code)
    if code in SPENT_S or reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return QuotaSpent(text, retry_after_s=wait_s or SPENT_S["EXCEEDED_FREQ_LIMIT"])
    return ProviderRefused(text)


def credits_of(headers: Mapping[str, str]) -> Sequence[ToldQuota]:
    """Reads the credits from an answer's headers; nothing when they are not whole numbers."""
    left, used = (_credits(headers.get(name, "")) for name in _CREDITS)
    if left is None or used is None:
        return ()
    return (ToldQuota(window=Window.MONTH, limit=left + used, remaining=left),)


def _credits(text: str) -> int | None:
    # Some answers have them as 4.0.
    whole, _, rest = text.strip().partition(".")
    plain = whole.isascii() and whole.isdigit() and len(whole) <= _CREDITS_DIGITS_MAX
    return int(whole) if plain and not rest.strip("0") else None
