"""What DynamoDB's answers and silences mean to a caller, in one place."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from zlib import crc32

from botocore.exceptions import (
    BaseEndpointResolverError,
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    EndpointProviderError,
    MetadataRetrievalError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSOError,
    TokenRetrievalError,
    ValidationError,
)
from botocore.parsers import ResponseParserError
from urllib3.exceptions import ConnectTimeoutError as ProxyConnectTimeout
from urllib3.exceptions import NewConnectionError

from storage.metadata.errors import (
    Conflict,
    InvalidOperation,
    MetadataError,
    OutcomeUnknown,
    Unavailable,
    UnknownStore,
)

_NO_CREDENTIALS = (
    "STRONGROOM_METADATA is DynamoDB, and there are no credentials for it: set AWS_ACCESS_KEY_ID "
    "and AWS_SECRET_ACCESS_KEY, or give the machine a role"
)

# What is raised before a request has left, and never later. Whatever is not listed may mean a
# lost answer: so an error of TLS, which comes while connecting and while reading alike.
_UNSIGNED = (NoCredentialsError, PartialCredentialsError)
_NEVER_SENT = (
    ConnectTimeoutError,
    EndpointConnectionError,
    BaseEndpointResolverError,
    EndpointProviderError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    SSOError,
    TokenRetrievalError,
    ParamValidationError,
    ValidationError,
)


class Cancelled(Exception):
    """A transaction was cancelled; `reasons` says why, one for each of its actions."""

    def __init__(self, reasons: list[dict[str, Any]]) -> None:
        super().__init__("the transaction was cancelled")
        self.reasons = reasons

    def error(self) -> MetadataError:
        """The error of a cancellation, but for conditions that failed."""
        codes = {reason.get("Code") for reason in self.reasons}
        if "TransactionConflict" in codes:
            return Conflict("another transaction was on a record")
        if "ValidationError" in codes or "ItemCollectionSizeLimitExceeded" in codes:
            messages = "; ".join(reason.get("Message") or "" for reason in self.reasons)
            return InvalidOperation(f"DynamoDB refuses the commit: {messages}")
        return Unavailable(f"DynamoDB cancelled the transaction: {_listed(codes)}")


def check_body(response_dict: dict[str, Any], **_: object) -> None:
    """Refuse a body that is not what DynamoDB sent: an event hook of the library.

    The library takes a body that is no JSON for an empty answer, which would read as "there
    is no such record"; and the checksum that DynamoDB sends is looked at by nobody else.
    """
    body = response_dict["body"]
    checksum = response_dict["headers"].get("x-amz-crc32")
    if checksum is not None:
        if checksum != str(crc32(body)):
            raise ResponseParserError("the body does not have its checksum")
    elif response_dict["status_code"] < 300:
        try:
            answer = json.loads(body)
        except ValueError as error:
            raise ResponseParserError("the body is no JSON") from error
        if not isinstance(answer, dict):
            raise ResponseParserError("the body is no JSON object")


@contextmanager
def translated(*, writing: bool = False) -> Iterator[None]:
    """Translate what a call raises; after one that writes, silence leaves its outcome open.

    Raises:
        Cancelled: a transaction's reasons, for who knows its operations.
    """
    try:
        yield
    except ClientError as error:
        raise _meaning(error, writing) from error
    except _UNSIGNED as error:
        raise Unavailable(f"{_NO_CREDENTIALS} ({error})") from error
    except _NEVER_SENT as error:
        raise Unavailable(f"DynamoDB can't be asked: {error}") from error
    except ProxyConnectionError as error:
        raise _silence(writing and not _proxy_was_away(error), str(error)) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise _silence(writing, str(error)) from error
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # What the library trips over: JSON, and not of the shape that DynamoDB's has.
        raise _silence(writing, f"{type(error).__name__}: {error}") from error


@contextmanager
def starting() -> Iterator[None]:
    """Translate what a setting or an environment does that no client can be made from.

    Raises:
        UnknownStore: it says what to set.
    """
    try:
        yield
    except _UNSIGNED as error:
        raise UnknownStore(f"{_NO_CREDENTIALS} ({error})") from error
    except NoRegionError as error:
        raise UnknownStore(
            "STRONGROOM_METADATA does not say where the table is: dynamodb://TABLE?region=…"
        ) from error
    except (BotoCoreError, ValueError) as error:
        raise UnknownStore(
            f"STRONGROOM_METADATA names no DynamoDB that can be called: {error}"
        ) from error
    except Unavailable as error:
        if isinstance(error.__cause__, _UNSIGNED):
            raise UnknownStore(str(error)) from error
        raise


def _proxy_was_away(error: ProxyConnectionError) -> bool:
    """Whether there was no connection to the proxy. An answer that a proxy cut off is the
    same error, because the library forgets with the connection that there was one."""
    cause = getattr(error.kwargs.get("error"), "original_error", None)
    return isinstance(cause, NewConnectionError | ProxyConnectTimeout)


def _meaning(error: ClientError, writing: bool) -> Exception:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    match code:
        case "TransactionCanceledException":
            return Cancelled([dict(why) for why in error.response.get("CancellationReasons", [])])
        case "TransactionConflictException":
            return Conflict("a transaction was on a record")
        case "TransactionInProgressException":
            # An earlier sending of this very call has not ended.
            return OutcomeUnknown("the same transaction is under way")
        case "ValidationException":
            return InvalidOperation(f"DynamoDB refuses the call: {error}")
    # A body that was cut or is no JSON gives a code that is the status.
    if status >= 500 or status < 400:
        return _silence(writing, f"{status} {code}")
    return Unavailable(f"DynamoDB answers {status} {code}: {error}")


def _silence(writing: bool, text: str) -> MetadataError:
    if writing:
        return OutcomeUnknown(f"DynamoDB's answer was lost: {text}")
    return Unavailable(f"DynamoDB does not answer: {text}")


def _listed(codes: set[Any]) -> str:
    return ", ".join(sorted(str(code) for code in codes - {None, "None"}))
