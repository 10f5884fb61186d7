"""How long an answer may take to begin."""

import asyncio

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.api.guards import refuse
from app.errors import AppError


class AnswerTooLate(AppError):
    """The answer took too long to make and was given up; ask again shortly."""

    code = "answer_too_late"
    status = 503
    retry_after_s = 1


class Deadlines:
    """Gives a request up whose answer has not begun in time: what it does is cancelled.

    A transaction that is open then is rolled back. What has begun may go on for ever, as streams of
    events do; whether its reader reads is for the server to watch (`app/serving/bounded_http.py`).
    """

    def __init__(self, app: ASGIApp, *, within_s: float) -> None:
        self._app = app
        self._within_s = within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, and answers 503 when nothing came of it in time."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = asyncio.timeout(self._within_s)

        async def send_and_relax(message: Message) -> None:
            if message["type"] == "http.response.start":
                limit.reschedule(None)
            await send(message)

        try:
            async with limit:
                await self._app(scope, receive, send_and_relax)
        except TimeoutError:
            if not limit.expired():
                raise
            await refuse(AnswerTooLate(), scope, send)
