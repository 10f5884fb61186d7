"""What stands around all routes, for every request."""

from litestar import Litestar

from app.api.deadlines import Deadlines
from app.api.guards import Admission
from app.api.origins import Origins
from app.ops.traffic import Traffic, always
from app.serving_settings import ANY_ORIGIN, ServingSettings, origins_of


def surrounded(app: Litestar, serving: ServingSettings, *, auth_per_minute: int) -> Litestar:
    """Returns the application with everything around its routes.

    From the outside in: an id, a log line and the headers of every answer; other origins; the time
    an answer may take; credentials and limits.
    """
    origins = origins_of(serving.cors_origins)
    admission = Admission(app.asgi_handler, auth_per_minute=auth_per_minute)
    app.asgi_handler = Traffic(
        Origins(Deadlines(admission, within_s=serving.answer_within_s), origins),
        always(
            hsts_max_age_s=serving.hsts_max_age_s,
            varies_by_origin=bool(origins - {ANY_ORIGIN}),
        ),
    )
    return app
