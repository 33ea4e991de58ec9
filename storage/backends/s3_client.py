"""The connection to an object store, and its errors as the system errors that the rest of the program knows.

Credentials and the server's address come from the environment, read by obstore; nothing here ever holds them.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

CONNECT_SECONDS = 5
RETRIES = 3
CONDITION_NOT_MET = (AlreadyExistsError, PreconditionError)


@cache
def connect(bucket: str, seconds: int) -> S3Store:
    """Return the client of a bucket, one for the whole process; no request is made yet.

    seconds : patience for one request, and for all its repetitions after a failure.
    """
    return S3Store(
        bucket,
        client_options={
            "allow_http": True,  # only an AWS_ENDPOINT_URL with http:// makes use of it
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "timeout": timedelta(seconds=seconds),
        },
        retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=seconds)},
    )


@contextmanager
def plain_errors(url: str) -> Iterator[None]:
    """Turn obstore's errors into OSError that names `url`; those of conditional writes pass through.

    What may pass a moment later becomes EIO, so that a stage is tried again as on a disk.
    """
    try:
        yield
    except CONDITION_NOT_MET:
        raise
    except (BaseError, FileNotFoundError) as error:
        raise _explain(error, url) from None  # its own text has many lines


def _explain(error: Exception, url: str) -> OSError:
    text = str(error)
    if "NoSuchBucket" in text:
        return OSError(errno.ENXIO, "there is no such bucket", url)
    if isinstance(error, FileNotFoundError):
        return OSError(errno.ENOENT, "there is no such object", url)
    if isinstance(error, (PermissionDeniedError, UnauthenticatedError)):
        return OSError(errno.EACCES, "access denied; check AWS_ACCESS_KEY_ID and the rights of its owner", url)
    if "169.254." in text:  # without keys obstore asks the machine's own metadata service
        return OSError(errno.EACCES, "no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", url)
    reason = text.splitlines()[0].rpartition(" - ")[2].partition(": <")[0]  # without the answer: it may repeat a token
    if code := re.search(r"<Code>(\w+)</Code>", text):
        reason += f", {code[1]}"
    return OSError(errno.EIO, f"the object store failed ({reason}); check AWS_ENDPOINT_URL and the network", url)
