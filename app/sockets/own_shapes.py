"""The frames that tell a user of their own bets and balance, as types; see `frame_shapes`."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.sockets.frame_shapes import Moment, Resume, Told

Bet = Annotated[dict[str, Any], Meta(description="A bet, as `GET /bets/{betId}` answers.")]
Balance = Annotated[dict[str, Any], Meta(description="A balance, as `GET /wallet` has it.")]


class OwnFrame(Told, frozen=True, kw_only=True, tag_field="type"):
    """The envelope of all that has a place in a user's log: `seq` 1, 2, 3 ... without a hole."""

    seq: Annotated[int, Meta(ge=0)]
    resume: Resume
    timestamp: Moment


class Owned(Told, frozen=True, kw_only=True):
    """What a user has."""

    bets: list[Bet]
    balances: list[Balance]


class OwnBets(OwnFrame, frozen=True, kw_only=True, tag="bets"):
    """Your bets and balances, whole, true at `seq`: replace what you have."""

    reason: Literal["start", "resume_expired"]
    data: Owned


class BetUpdate(OwnFrame, frozen=True, kw_only=True, tag="bet_update"):
    """A bet of yours is new, or stands otherwise: put it in the place of what you had of it."""

    data: Bet


class BalanceUpdate(OwnFrame, frozen=True, kw_only=True, tag="balance_update"):
    """A balance of yours, as it is from now on."""

    data: Balance


OWN_FRAMES: tuple[type[msgspec.Struct], ...] = (OwnBets, BetUpdate, BalanceUpdate)
