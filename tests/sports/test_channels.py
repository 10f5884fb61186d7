"""Channels are read and written in one way only, and a pattern fits what it looks like."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sports.channels import CHANNEL_LENGTH_MAX, Pattern, channel_of, pattern_of
from app.sports.ids import ID_MAX, slug_of

SPORTS = st.sampled_from(["football", "basketball", "tennis", "hockey"])
# As leagues get theirs.
LEAGUES = st.text(max_size=90).map(slug_of)
MATCHES = st.integers(1, ID_MAX)
PATTERNS = st.builds(
    Pattern,
    sport=st.none() | SPORTS,
    league=st.none() | LEAGUES,
    match_id=st.none() | MATCHES,
)


@given(PATTERNS)
def test_a_pattern_is_read_back_as_it_was_written(pattern: Pattern):
    assert len(pattern.channel) <= CHANNEL_LENGTH_MAX
    assert pattern_of(pattern.channel) == pattern


@given(st.text() | st.from_regex(r"sports\.[^ ]*\.leagues\.[^ ]*\.matches\.[^ ]*", fullmatch=True))
def test_what_can_be_read_is_written_the_same_way_again(text: str):
    pattern = pattern_of(text)
    assert pattern is None or pattern.channel == text


@given(SPORTS, LEAGUES, MATCHES, PATTERNS)
def test_a_pattern_fits_exactly_what_its_text_fits_segment_by_segment(
    sport: str, league: str, match_id: int, pattern: Pattern
):
    looks = re.escape(pattern.channel).replace(r"\*", r"[^.]+")
    channel = channel_of(sport, league, match_id)
    assert pattern.fits(sport, league, match_id) == bool(re.fullmatch(looks, channel))


@given(SPORTS, LEAGUES, MATCHES)
def test_a_match_fits_its_own_channel_and_every_pattern_of_it(
    sport: str, league: str, match_id: int
):
    own = pattern_of(channel_of(sport, league, match_id))
    assert own == Pattern(sport=sport, league=league, match_id=match_id)
    for stars in range(8):
        wider = Pattern(
            sport=None if stars & 1 else sport,
            league=None if stars & 2 else league,
            match_id=None if stars & 4 else match_id,
        )
        assert wider.fits(sport, league, match_id)
        assert wider.is_one_match == (not stars & 4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "sports",
        "sports.football",
        "sports.football.leagues.x.matches",
        "sports.football.leagues.x.matches.",
        "sports.football.leagues..matches.1",
        "sports.foot*.leagues.x.matches.1",
        "sports.football.leagues.x.matches.**",
        "sports.football.leagues.x.y.matches.1",
        "sports.football.leagues.x.matches.0",
        "sports.football.leagues.x.matches.01",
        "sports.football.leagues.x.matches.99999999999999999999",
        "sports.football.leagues.x.matches.9999999999999999999",
        "sports.Football.leagues.x.matches.1",
        "sports.football.leagues.x.matches.1\n",
        " sports.football.leagues.x.matches.1",
        "sports.football.leagues." + "x" * 101 + ".matches.1",
        "sports.*.leagues.*.matches.*.*",
        "private-sports.*.leagues.*.matches.*",
    ],
)
def test_what_is_not_a_channel_is_none(text: str):
    assert pattern_of(text) is None
