"""Errors as scripts of the package catch them, in its own classes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fitbit import exceptions

from ingest.live.client import (
    LiveError,
    NeedsReconsentError,
    NotGrantedError,
    ProviderDownError,
    RateLimitedError,
    TooSlowError,
)
from ingest.live.providers import NOT_OFFERED

OF_STATUS = {
    401: exceptions.HTTPUnauthorized,
    403: exceptions.HTTPForbidden,
    404: exceptions.HTTPNotFound,
    409: exceptions.HTTPConflict,
    429: exceptions.HTTPTooManyRequests,
}


class FitbitGoneError(exceptions.HTTPBadRequest, LiveError):  # type: ignore[misc]  # the package has no types
    """The Fitbit Web API is gone for good: nothing is tried again."""

    def __init__(self) -> None:
        Exception.__init__(self, NOT_OFFERED["fitbit"])


@dataclass(frozen=True)
class Told:
    """As much of an answer as the package's errors look at."""

    status_code: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def refuse(status: int, message: str, kind: str = "request") -> Exception:
    """The package's error for a status, with a message in the Web API's words."""
    body = {"errors": [{"errorType": kind, "message": message}], "success": False}
    default = exceptions.HTTPServerError if status >= 500 else exceptions.HTTPBadRequest
    found: Exception = OF_STATUS.get(status, default)(Told(status, json.dumps(body).encode()))
    return found


def refuse_wait(message: str, wait_s: float) -> Exception:
    """The package's error for too many requests."""
    found = refuse(429, message, "system")
    found.retry_after_secs = max(1, round(wait_s))  # type: ignore[attr-defined]  # of the package's class
    return found


def translate(error: LiveError, now: datetime) -> Exception:
    """What went wrong with the Google Health API, as the error that the Web API would have led to."""
    if isinstance(error, RateLimitedError):
        return refuse_wait(str(error), (error.until - now).total_seconds())
    if isinstance(error, TooSlowError):
        slow: Exception = exceptions.Timeout(str(error))
        return slow
    if isinstance(error, NotGrantedError):
        return refuse(403, str(error), "insufficient_scope")
    if isinstance(error, NeedsReconsentError):
        return refuse(401, str(error), "invalid_grant")
    return refuse(503 if isinstance(error, ProviderDownError) else 400, str(error), "system")
