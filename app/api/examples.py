"""Examples of what is sent and answered, by the name of the shape; the description shows them.

A test holds each of them to its shape, and that nothing is sent here without an example.
"""

from typing import Any

_AT = "2026-01-01T12:00:00.000Z"
_LEAGUE = {"slug": "premier-league", "name": "Premier League"}
_MONEY = {"amount": "10.00", "currency": "EUR"}

_SENT: dict[str, dict[str, Any]] = {
    "Credentials": {"email": "ada@example.org", "password": "correct horse battery"},
    "Renewal": {"refreshToken": "the-one-you-were-given"},
    "Address": {"email": "ada@example.org"},
    "Confirmation": {"token": "the-code-from-the-mail", "password": "correct horse battery"},
    "NewPassword": {"currentPassword": "correct horse battery", "password": "staple of a horse"},
    "KeyWish": {"name": "scoreboard", "scopes": ["read"], "expiresInDays": 365},
    "BetWish": {"selectionId": "41", "odds": 2.1, "stake": "10.00", "oddsChange": "higher"},
    "CashOutWish": {"amount": "8.50", "share": 1},
    "PaymentWish": {"amount": "25.00", "currency": "EUR"},
    "LimitsWish": {"limits": [{"kind": "stake", "period": "day", "amount": "50.00"}]},
    "BatchQuestion": {"match_ids": ["4", "5"]},
    "Change": {"taskId": "match.4", "interval": 500},
    "Word": {"decision": "same", "matchId": "4"},
    "payments_Reason": {"note": "Checked by hand."},
    "bookmaking_Reason": {"note": "The match was played under protest."},
    "SettleWish": {"note": "As the league decided.", "results": [{"leg": 1, "result": "won"}]},
}
_ANSWERED: dict[str, dict[str, Any]] = {
    "TokenPair": {
        "accessToken": "header.claims.signature",
        "refreshToken": "keep-this-one-safe",
        "tokenType": "Bearer",
        "expiresIn": 900,
    },
    "Ticket": {"ticket": "good-once", "expiresIn": 30},
    "Profile": {
        "id": "7",
        "email": "ada@example.org",
        "emailVerified": True,
        "role": "user",
        "tier": "free",
        "scopes": ["bet", "read"],
        "createdAt": _AT,
    },
    "MatchSummary": {
        "id": "4",
        "sport": "football",
        "league": _LEAGUE,
        "name": "Northgate v Southgate",
        "home": {"id": "11", "name": "Northgate"},
        "away": {"id": "12", "name": "Southgate"},
        "startTime": _AT,
        "status": "live",
        "period": "2nd Half",
        "clock": "73:10",
        "homeScore": 2,
        "awayScore": 1,
        "chances": {"home": 0.8214, "draw": 0.1353, "away": 0.0433},
        "simulated": False,
        "seq": 437,
        "updatedAt": _AT,
    },
    "MoneyShape": _MONEY,
    "Problem": {
        "type": "urn:touchline:problem:not_found",
        "title": "There is nothing here.",
        "status": 404,
        "detail": "There is no match 999.",
        "code": "not_found",
        "requestId": "d886b39138ef95f8",
        "errors": [],
    },
}
EXAMPLES = {**_SENT, **_ANSWERED}
