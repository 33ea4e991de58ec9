"""Turn what a user calls a root into a path: a folder of this machine, or s3://bucket/prefix."""

import os
import re
from urllib.parse import unquote

from storage.backends.local_path import LocalPath
from storage.backends.store_path import StorePath
from storage.errors import InputError, reading, refuse_secrets

Location = str | os.PathLike[str]
"""What a user calls a root: a folder, as a path or file:// URL, or s3://bucket/prefix."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=-]*")


def store_path_at(location: Location) -> StorePath:
    """Return the path that `location` names, whether it exists or not.

    Raises : InputError if it cannot be a root, or names an object store and what reaches it is not installed.
    """
    text = os.fspath(location)
    refuse_secrets(text)
    scheme, is_url, rest = text.partition("://")
    with reading(f"the root {text!r}"):
        if not is_url:
            return LocalPath(text).expanduser().resolve()
        if scheme == "file" and rest.startswith("/"):
            return LocalPath(unquote(rest)).resolve()
    if scheme != "s3":
        raise InputError(f"a root is a folder or s3://bucket/prefix; got one that begins with {scheme}://")
    bucket, _, prefix = rest.partition("/")
    return _bucket_path(bucket, [part for part in prefix.split("/") if part])


def _bucket_path(bucket: str, parts: list[str]) -> StorePath:
    if not _BUCKET.fullmatch(bucket):
        raise InputError(
            f"{bucket!r} is no name of a bucket (3 to 63 lower-case letters, digits, '.', '-'); name s3://bucket/prefix"
        )
    for part in parts:
        if not _PART.fullmatch(part):
            raise InputError(f"a prefix has letters, digits, '.', '_', '-' and '=' between its slashes; got {part!r}")
    try:
        from storage.backends.s3_path import S3Path
    except ModuleNotFoundError as error:
        if error.name != "obstore":
            raise
        raise InputError("a root on s3:// needs one more package; install it with: pip install 'dfvi[s3]'") from None
    return S3Path(bucket, "/".join(parts))
