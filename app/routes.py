"""Everything the web process answers, joined for `main`."""

from collections.abc import Sequence

from litestar import Response
from litestar.exceptions import NotFoundException
from litestar.types import ControllerRouterHandler, ExceptionHandlersMap

from app.api import problems
from app.api.answers import Asked
from app.api.auth import auth_routes
from app.api.batch import batch_routes
from app.api.bets import bet_routes
from app.api.bookmaking import bookmaking_routes
from app.api.broadcasting import broadcasting_routes
from app.api.conflicts import conflict_routes
from app.api.feeds import feed_routes
from app.api.identity import identity_routes
from app.api.leaderboards import leaderboard_routes
from app.api.leagues import league_routes
from app.api.markets import market_routes
from app.api.matches import match_routes
from app.api.me import me_routes
from app.api.payments import payment_routes
from app.api.polling import polling_routes
from app.api.predictions import prediction_routes
from app.api.providers import provider_routes
from app.api.usage import usage_routes
from app.api.wallet import wallet_routes
from app.ops.health import health_routes
from app.ops.metrics import metrics_routes
from app.pages.routes import lost_page, page_routes
from app.sockets.asyncapi import asyncapi_routes
from app.sockets.events import event_routes
from app.sockets.live import live_routes
from app.sockets.pusher import pusher_routes
from app.sockets.ws import ws_routes

ROUTES: Sequence[ControllerRouterHandler] = (
    *auth_routes,
    *me_routes,
    *usage_routes,
    *broadcasting_routes,
    *conflict_routes,
    *identity_routes,
    *health_routes,
    *metrics_routes,
    *league_routes,
    *leaderboard_routes,
    *match_routes,
    *batch_routes,
    *market_routes,
    *polling_routes,
    *prediction_routes,
    *provider_routes,
    *feed_routes,
    *wallet_routes,
    *bet_routes,
    *bookmaking_routes,
    *payment_routes,
    *live_routes,
    *ws_routes,
    *pusher_routes,
    *event_routes,
    *asyncapi_routes,
    *page_routes,
)


def found_nowhere(request: Asked, error: Exception) -> Response[bytes] | Response[bytes | None]:
    """Answers who asked for an address that is none of ours: browsers with a page."""
    return lost_page(request) or problems.respond(request, error)


ERRORS: ExceptionHandlersMap = {**problems.HANDLERS, NotFoundException: found_nowhere}
