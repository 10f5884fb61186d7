"""What every observation a normaliser lets through must be, whatever it was made of."""

from datetime import datetime, timedelta

import msgspec

from app.providers.provider import Answer, Rejected
from app.sports.market import is_line, is_odds, may_answer
from app.sports.match import IN_PLAY, OVER
from app.sports.observation import Observation

LINE_MAX = 1_000


def check_sound(answer: Answer, received_at: datetime) -> None:
    """Asserts what the database and everybody downstream relies on."""
    ids = [said.external_id for said in answer.observations]
    assert len(set(ids)) == len(ids)
    for rejected in answer.rejected:
        assert rejected.code
        assert msgspec.convert(msgspec.to_builtins(rejected), Rejected) == rejected
    for said in answer.observations:
        # Ids, names, points: msgspec holds the limits that the types state.
        assert msgspec.json.decode(msgspec.json.encode(said), type=Observation) == said
        assert b"\\u0000" not in msgspec.json.encode(said)
        assert said.observed_at <= received_at == said.received_at
        assert said.observed_at.utcoffset() == timedelta(0)
        _check_match(said)
        _check_score(said)
        _check_markets(said, received_at)


def _check_match(said: Observation) -> None:
    if said.match is not None:
        assert said.match.home.external_id != said.match.away.external_id
        assert said.match.start_time.utcoffset() == timedelta(0)
        # Windows around it must not leave the calendar.
        assert said.match.start_time + timedelta(days=400) > said.match.start_time


def _check_score(said: Observation) -> None:
    score = said.score
    if score is not None:
        assert (score.home is None) == (score.away is None)
        assert score.status in IN_PLAY | OVER or score.home is None
        for text in (score.period, score.clock):
            assert text is None or 0 < len(text) <= 40


def _check_markets(said: Observation, received_at: datetime) -> None:
    names = [(market.type, market.line) for market in said.markets]
    assert len(set(names)) == len(names)
    for market in said.markets:
        assert is_line(market.type, market.line)
        if market.line is not None:
            assert abs(market.line) < LINE_MAX
            assert market.line == round(market.line, 2)
            assert "E" not in str(market.line)
        quotes = [(quote.bookmaker, quote.selection) for quote in market.quotes]
        assert len(set(quotes)) == len(quotes) > 0
        for quote in market.quotes:
            assert quote.bookmaker
            assert may_answer(market.type, quote.selection)
            assert quote.odds is None or is_odds(quote.odds)
            assert quote.observed_at is None or quote.observed_at <= received_at
