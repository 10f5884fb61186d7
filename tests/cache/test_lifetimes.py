"""How long an answer may be kept."""

import pytest

from app.cache.lifetimes import Kind, Made, lifetime_s, made_of_match

SCORES = Kind(ttl_s=1)


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        (b'{"sport":"football","status":"live","periods":[]}', 1.0),
        (b'{"sport":"tennis","status":"live"}', 0.5),
        (b'{"sport":"tennis","status":"scheduled"}', 10.0),
        (b'{"sport":"hockey","status":"finished","homeScore":2}', 30.0),
        (b'{"sport":"basketball","status":"paused"}', 0.5),
        # Prices of a match say nothing of how far it is.
        (b'{"sport":"tennis","markets":[]}', 1.0),
    ],
)
def test_a_match_in_play_is_kept_shortest(body: bytes, seconds: float):
    assert lifetime_s(SCORES, made_of_match(body)) == seconds


def test_nothing_outlives_the_longest_time_but_what_is_set_longer():
    over = Made(body=b"", status="finished")
    assert lifetime_s(Kind(ttl_s=30), over) == 600
    assert lifetime_s(Kind(ttl_s=900), over) == 900
