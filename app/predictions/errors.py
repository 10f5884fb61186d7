"""What can be wrong with what a model is given."""

from app.errors import AppError


class TooFewResults(AppError):
    """There are too few results to fit a model on."""

    code = "too_few_results"
    status = 409


class MixedResults(AppError):
    """Results of several sports cannot fit one model."""

    code = "mixed_results"
    status = 422


class UnknownModel(AppError):
    """There is no such model, or its parameters are of another one."""

    code = "unknown_model"
    status = 422


class UnknownVersion(AppError):
    """There are no parameters of such a version."""

    code = "unknown_model_version"
    status = 404


class ImpossibleState(AppError):
    """A match cannot stand like that."""

    code = "impossible_state"
    status = 422


class ImpossibleOdds(AppError):
    """These odds are none: not a number, not above 1, or not one for every outcome."""

    code = "impossible_odds"
    status = 422


class ImpossibleTerms(AppError):
    """A match cannot be played on these terms."""

    code = "impossible_terms"
    status = 422
