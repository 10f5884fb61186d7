"""When what we believe of a score moves. Pure."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from app.ingest.believed import BelievedScore, Contest, Dispute
from app.ingest.confidence import CONFIRMATIONS, RIGHT, ToldScore, confidence_of
from app.ingest.decisions import LATE
from app.ingest.judgements import of_agreement
from app.ingest.merge import hear, merge_scores
from app.sports.match import LEGAL_MOVES, SPORTS, MatchStatus, Period, Score, Sport, may_move

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATE_S = int(LATE.total_seconds())


class House:
    """A match of some providers: what they told, and what came to be believed of it."""

    def __init__(self, sport: Sport = Sport.FOOTBALL, **reliability: float) -> None:
        self.contest = Contest(facts=SPORTS[sport], starts_at=NOON)
        self.words: dict[str, ToldScore] = {}
        self.reliability = reliability
        self.believed: BelievedScore | None = None

    def tell(self, provider: str, after: float, said: str, status: str = "live") -> None:
        """Takes in what a provider says so many seconds after noon."""
        home, away = map(int, said.split("-")) if said else (None, None)
        at = NOON + timedelta(seconds=after)
        word = ToldScore(
            provider=provider,
            score=Score(status=MatchStatus(status), home=home, away=away),
            observed_at=at,
            received_at=at,
            reliability=self.reliability.get(provider, 0.8),
            rank=ord(provider[0]) - ord("a"),
        )
        heard = hear(self.words.get(provider), word)
        if heard is not None:
            self.words[provider] = heard
        self.believe()

    def believe(self) -> None:
        """Works out anew what to believe."""
        found = merge_scores(list(self.words.values()), self.believed, self.contest)
        self.believed = found or self.believed

    @property
    def now(self) -> str:
        """What is believed: "2-1 live"."""
        assert self.believed is not None
        score = self.believed.score
        points = "-" if score.home is None else f"{score.home}-{score.away}"
        return f"{points} {score.status}"


def told(house: House, *lines: str) -> list[str]:
    """Tells line by line "provider seconds points status"; returns what was believed after each."""
    seen: list[str] = []
    for line in lines:
        provider, after, said, *status = line.split()
        house.tell(provider, float(after), "" if said == "-" else said, *status)
        seen.append(house.now)
    return seen


# What is told, and what is believed after each line. Everybody has said 0-0 before.
CASES: dict[str, list[tuple[str, str]]] = {
    "a goal told by one provider first goes out at once": [
        ("a 10 1-0", "1-0 live"),
        ("b 11 0-0", "1-0 live"),
        ("c 12 0-0", "1-0 live"),
        ("b 20 1-0", "1-0 live"),
    ],
    "one wild score among three is never believed": [
        ("a 10 7-0", "0-0 live"),
        ("a 11 7-0", "0-0 live"),
        ("a 12 7-0", "0-0 live"),
        ("a 13 7-0", "0-0 live"),
        ("b 14 0-0", "0-0 live"),
        ("a 15 0-0", "0-0 live"),
    ],
    "a jump that a second provider tells is believed": [
        ("a 10 3-0", "0-0 live"),
        ("b 11 3-0", "3-0 live"),
    ],
    "a goal older than what another says since waits for the next word": [
        ("b 12 0-0", "0-0 live"),
        ("a 11 1-0", "0-0 live"),
        ("a 14 1-0", "1-0 live"),
    ],
    "a goal taken back by one waits, and by two is a correction": [
        ("a 10 1-0", "1-0 live"),
        ("b 11 1-0", "1-0 live"),
        ("c 12 1-0", "1-0 live"),
        ("a 60 0-0", "1-0 live"),
        ("b 61 0-0", "0-0 live"),
        ("c 62 1-0", "0-0 live"),
        ("c 70 0-0", "0-0 live"),
    ],
    "who is only late confirms no correction": [
        ("a 10 1-0", "1-0 live"),
        ("b 11 0-0", "1-0 live"),
        ("c 12 0-0", "1-0 live"),
        ("b 60 0-0", "1-0 live"),
        ("c 61 0-0", "1-0 live"),
        ("a 70 1-0", "1-0 live"),
    ],
    "a goal that two deny long enough is taken back": [
        ("a 10 1-0", "1-0 live"),
        ("b 150 0-0", "1-0 live"),
        ("c 150 0-0", "1-0 live"),
        (f"a {LATE_S + 11} 1-0", "1-0 live"),
        (f"b {LATE_S + 12} 0-0", "1-0 live"),
        (f"c {LATE_S + 13} 0-0", "0-0 live"),
        (f"a {LATE_S + 14} 1-0", "0-0 live"),
    ],
    "a real goal after a correction goes out at once again": [
        ("a 10 1-0", "1-0 live"),
        ("b 11 1-0", "1-0 live"),
        ("a 60 0-0", "1-0 live"),
        ("b 61 0-0", "0-0 live"),
        ("a 90 1-0", "1-0 live"),
    ],
    "an end is believed from two of three": [
        ("a 10 0-0 finished", "0-0 live"),
        ("a 11 0-0 finished", "0-0 live"),
        ("a 12 0-0 finished", "0-0 live"),
        ("b 13 0-0 finished", "0-0 finished"),
        ("c 14 0-0 live", "0-0 finished"),
        ("a 15 0-0 live", "0-0 finished"),
        ("b 16 0-0 live", "0-0 finished"),
    ],
    "a break told by one is a break; others that are late end it not": [
        ("a 10 0-0 paused", "0-0 paused"),
        ("b 11 0-0 live", "0-0 paused"),
        ("c 12 0-0 live", "0-0 paused"),
        ("b 20 0-0 paused", "0-0 paused"),
        ("b 90 0-0 live", "0-0 live"),
    ],
    "an older word of the same provider counts not": [
        ("a 10 1-0", "1-0 live"),
        ("a 9 5-0", "1-0 live"),
        ("a 8 0-0 finished", "1-0 live"),
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_three_providers(case: str):
    house = House()
    told(house, *(f"{provider} {n} 0-0 live" for n, provider in enumerate("abc")))
    lines = CASES[case]
    assert told(house, *(line for line, _ in lines)) == [believed for _, believed in lines]


ALONE: dict[str, list[tuple[str, str]]] = {
    "everything forward is believed at once": [
        ("a 0 - scheduled", "- scheduled"),
        ("a 1 0-0 live", "0-0 live"),
        ("a 2 4-0 live", "4-0 live"),
        ("a 3 4-0 paused", "4-0 paused"),
        ("a 4 4-1 finished", "4-1 finished"),
        ("a 5 4-1 live", "4-1 finished"),
        ("a 6 4-1 awarded", "4-1 awarded"),
    ],
    "a score that goes back is confirmed by three observations": [
        ("a 0 2-1", "2-1 live"),
        ("a 1 1-1", "2-1 live"),
        ("a 2 1-1", "2-1 live"),
        ("a 3 1-1", "1-1 live"),
    ],
    "the same moment told again confirms nothing": [
        ("a 0 2-1", "2-1 live"),
        ("a 1 1-1", "2-1 live"),
        ("a 1 1-1", "2-1 live"),
        ("a 1 1-1", "2-1 live"),
    ],
    "what goes back and comes again was never a correction": [
        ("a 0 2-1", "2-1 live"),
        ("a 1 1-1", "2-1 live"),
        ("a 2 2-1", "2-1 live"),
        ("a 3 1-1", "2-1 live"),
        ("a 4 1-1", "2-1 live"),
        ("a 5 2-2", "2-2 live"),
    ],
    "a leap waits for three": [
        ("a 0 0-0", "0-0 live"),
        ("a 1 9-0", "0-0 live"),
        ("a 2 9-0", "0-0 live"),
        ("a 3 9-0", "9-0 live"),
    ],
    "a leap that was a mistake is never seen": [
        ("a 0 0-0", "0-0 live"),
        ("a 1 9-0", "0-0 live"),
        ("a 2 1-0", "1-0 live"),
    ],
}


@pytest.mark.parametrize("case", ALONE)
def test_one_provider(case: str):
    lines = ALONE[case]
    assert told(House(), *(line for line, _ in lines)) == [believed for _, believed in lines]


@pytest.mark.parametrize("status", ["live", "postponed"])
def test_of_two_of_equal_weight_one_that_raves_is_never_believed(status: str):
    house = House()
    told(house, "a 0 0-0", "b 1 0-0")
    for after in range(10, 20, 2):
        said = "0-0" if status != "live" else "7-0"
        assert told(house, f"a {after} {said} {status}", f"b {after + 1} 0-0") == ["0-0 live"] * 2


def test_a_correction_is_confirmed_though_play_goes_on_meanwhile():
    house = House(Sport.BASKETBALL)
    lines = ["a 0 55-50", "a 1 54-50", "a 2 54-52", "a 3 54-54"]
    assert told(house, *lines)[-2:] == ["55-50 live", "54-54 live"]


@pytest.mark.parametrize(
    ("reliable", "believed"), [(0.95, "0-0 live"), (0.8, "0-0 live"), (0.6, "1-0 live")]
)
def test_of_two_that_disagree_the_one_who_took_it_back_counts_unless_it_weighs_less(
    reliable: float, believed: str
):
    house = House(a=reliable, b=0.8)
    told(house, "a 0 0-0", "b 0 0-0", "a 1 1-0", "b 2 1-0")
    told(house, *(f"{provider} {5 + n} {said}" for n in range(4) for provider, said in
                  (("a", "0-0"), ("b", "1-0"))))  # fmt: skip
    assert house.now == believed
    assert house.believed is not None
    assert house.believed.confidence < Decimal("0.6")


def test_a_provider_in_bad_standing_is_not_taken_at_its_word():
    house = House(a=0.3, b=0.8, c=0.8)
    told(house, "a 0 0-0", "b 0 0-0", "c 0 0-0")
    assert told(house, "a 1 1-0", "a 2 1-0", "a 3 1-0", "c 4 1-0")[-2:] == ["0-0 live", "1-0 live"]


def test_a_word_too_old_counts_no_more_and_the_other_is_the_only_one():
    house = House()
    told(house, "a 0 0-0", "b 0 0-0", "b 1000 0-0 finished")
    assert house.now == "0-0 finished"


def test_before_the_start_is_near_one_of_two_does_not_begin_a_match():
    house = House()
    seen = told(
        house,
        "a -80002 - scheduled",
        "b -80001 - scheduled",
        "a -80000 0-0 live",
        "b -79999 - scheduled",
        "a 1 0-0 live",
    )
    assert [line.split()[-1] for line in seen[2:]] == ["scheduled", "scheduled", "live"]


def test_a_match_that_looks_frozen_ends_when_one_provider_confirms_it():
    house = House()
    told(house, "a 0 0-0", "b 0 0-0", "a 1 0-0 finished", "a 2 0-0 finished")
    house.contest = msgspec.structs.replace(house.contest, verifying=True)
    assert told(house, "b 3 0-0", "a 4 0-0 finished") == ["0-0 live", "0-0 finished"]


def test_period_and_clock_are_of_one_provider_that_agrees():
    at = NOON
    live = MatchStatus.LIVE
    words = [
        ToldScore(
            provider="a",
            score=Score(status=live, home=1, away=0),
            rank=0,
            observed_at=at,
            received_at=at,
        ),
        ToldScore(
            provider="b",
            score=Score(
                status=live,
                home=1,
                away=0,
                period="1st Half",
                clock="12'",
                periods=(Period(name="1st Half", home=1, away=0),),
            ),
            rank=1,
            observed_at=at,
            received_at=at,
        ),
        ToldScore(
            provider="c",
            score=Score(status=live, home=0, away=0, period="1st Half", clock="9'"),
            rank=0,
            reliability=0.9,
            observed_at=at,
            received_at=at,
        ),
    ]
    held = BelievedScore(
        score=Score(status=live, home=1, away=0), confidence=Decimal(1), points_at=at, status_at=at
    )
    contest = Contest(facts=SPORTS[Sport.FOOTBALL], starts_at=NOON)
    believed = merge_scores(words, held, contest)
    assert believed is not None
    assert (believed.score.clock, len(believed.score.periods)) == ("12'", 1)
    assert believed.confidence == Decimal("0.64")


def test_a_status_that_needs_points_waits_for_them():
    house = House()
    assert told(house, "a 0 - scheduled", "a 1 - live", "a 2 0-0 live") == [
        "- scheduled",
        "- scheduled",
        "0-0 live",
    ]


@pytest.mark.parametrize(
    ("now", "said", "legal"),
    [
        ("scheduled", "live", True),
        ("live", "paused", True),
        ("live", "scheduled", False),
        ("live", "postponed", True),
        ("finished", "live", False),
        ("finished", "awarded", True),
        ("awarded", "finished", False),
        ("abandoned", "live", False),
        ("postponed", "scheduled", True),
    ],
)
def test_only_legal_moves_are_believed(now: str, said: str, *, legal: bool):
    house = House()
    told(house, f"a 0 0-0 {now}", f"a 1 0-0 {said}")
    assert house.now == f"0-0 {said if legal else now}"
    assert house.believed is not None
    assert (house.believed.unlawful == {"a"}) is not legal


def test_every_status_has_its_moves_and_staying_is_legal():
    assert LEGAL_MOVES.keys() == set(MatchStatus)
    assert all(may_move(status, status) for status in MatchStatus)


def test_who_refuses_and_who_is_late_is_told_apart():
    house = House()
    told(house, "a 0 0-0", "b 0 0-0", "c 0 0-0", "a 10 1-0", "b 11 0-0")
    assert house.believed is not None
    assert (house.believed.refused, house.believed.disputes) == (frozenset(), ())
    told(house, "c 12 8-0", "b 30 0-0")
    assert house.believed.refused == {"c"}
    assert house.believed.disputes == (
        Dispute(field="points", believed="1-0", told={"b": "0-0", "c": "8-0", "a": "1-0"}),
    )


def test_confidence_is_the_share_of_the_weight_that_agrees():
    house = House(a=0.8, b=0.8, c=0.4)
    told(house, "a 0 0-0", "b 0 0-0", "c 0 1-0")
    words = list(house.words.values())
    assert confidence_of(words[0].score, words) == Decimal("0.80")
    assert confidence_of(words[0].score, []) == 0


def test_the_one_who_comes_to_agree_is_right_and_so_is_who_was_first():
    house = House()
    told(house, "a 0 0-0", "b 0 0-0", "c 0 0-0", "a 10 1-0", "b 12 1-0")
    assert house.believed is not None
    words = list(house.words.values())
    assert of_agreement(house.words["b"], words, house.believed) == {"a": RIGHT, "b": RIGHT}
    told(house, "c 90 1-0")
    words = list(house.words.values())
    judged = of_agreement(house.words["c"], words, house.believed)
    assert {p: (j.agreed, j.disagreed) for p, j in judged.items()} == {"c": (0.5, 0.5)}
    told(house, "c 91 1-0")
    assert of_agreement(house.words["c"], words, house.believed) == {}


def test_three_observations_confirm():
    assert CONFIRMATIONS == 3
