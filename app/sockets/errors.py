"""What a session refuses."""

from app.errors import AppError


class MalformedMessage(AppError):
    """This message cannot be read; ten in a row close the socket."""

    code = "malformed_message"
    status = 400


class TooManyMessages(AppError):
    """More messages than a socket of this tier may send."""

    code = "too_many_messages"
    status = 429


class TooManySubscriptions(AppError):
    """The socket follows as much as its tier allows; unsubscribe from something first."""

    code = "too_many_subscriptions"
    status = 429


class NotSubscribed(AppError):
    """Nothing of this name is followed on this socket."""

    code = "not_subscribed"
    status = 404


class OriginNotAllowed(AppError):
    """Pages of this origin may not open sockets here; see SOCKET_ORIGINS."""

    code = "origin_not_allowed"
    status = 403
