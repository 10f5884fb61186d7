"""Structured logs: one event a line, with the fields bound to the work at hand.

Names of the fields used everywhere: `request_id`, `match_id`, `provider`, `task_id`,
`generation`, `worker_id`, `duration_ms`. Secrets and tokens are never logged.
"""

import logging
import sys
from typing import Literal

import structlog

LogForm = Literal["json", "console"]


def set_up(*, level: str, form: LogForm) -> None:
    """Sends structlog's and the standard library's events to stdout, in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if form == "json"
        else [
            # Plain: a pretty traceback with its locals takes seconds, on the event loop.
            structlog.dev.ConsoleRenderer(
                colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # uvicorn would log a socket's query, and with it the token.
    for chatty in ("arq", "httpx", "httpcore", "alembic", "asyncio", "uvicorn"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Returns the logger of a module; `name` is its `__name__`."""
    return structlog.stdlib.get_logger(name)
