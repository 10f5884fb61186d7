"""Who was right when a conflict ended, and what that makes of a provider's reliability. Pure."""

import pytest

from app.ingest.believed import Dispute
from app.ingest.confidence import RIGHT, WRONG, reliability_of
from app.ingest.judgements import of_conflict, outcome_of


@pytest.mark.parametrize(
    ("agreed", "disagreed", "reliability"),
    [(0, 0, 0.8), (90, 0, 1.0), (0, 10, 0.4), (10, 30, 0.35), (0, 1000, 0.0)],
)
def test_reliability_is_the_share_of_right_words_with_a_prior(
    agreed: float, disagreed: float, reliability: float
):
    assert reliability_of(agreed, disagreed) == reliability


def test_who_told_what_never_came_to_be_was_wrong():
    before = Dispute(field="points", believed="1-0", told={"a": "1-0", "b": "7-0", "c": "0-0"})
    now = {"a": "1-0", "b": "1-0", "c": "1-0"}
    assert outcome_of(before, now, "1-0") == "agreed"
    judged = of_conflict(before, "1-0", "agreed")
    assert (judged["a"], judged["b"], judged["c"].agreed) == (RIGHT, WRONG, 0.5)
    assert outcome_of(before, now, "7-0") == "moved"
    assert outcome_of(before, {"a": "1-0"}, "1-0") == "silent"
    assert of_conflict(before, "1-0", "silent") == {}
