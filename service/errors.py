"""The errors a caller of the service can meet beside those of `forecast.errors`: one class per different remedy.

SharecastError
└── ServiceError
    ├── ServiceUnavailable   call again later; check the address
    │   ├── StoreUnavailable look after the database, then try again
    │   └── WorkLost         call again: what worked on the call ended
    ├── Overloaded           call again after `seconds`, and less often
    ├── DeadlineExceeded     give the call more time, or ask for less
    ├── InternalError        report it with `request_id`
    ├── AlreadyExists        send the same rows again, or choose another `request_id`
    ├── NoStore              start the service, or the command, with a database
    ├── Unauthenticated      give a key that is valid
    ├── PermissionDenied     use a key of a role that may
    ├── MalformedRequest     send a message of the method's request type
    └── CallRefused          read `code` and the message; a newer service may say more than this client knows
"""

from forecast.errors import SharecastError


class ServiceError(SharecastError):
    """A call failed for a reason that does not lie in the data or the question."""


class ServiceUnavailable(ServiceError):  # noqa: N818  (names say the remedy, as gRPC's do)
    """The service does not answer, or is stopping.

    Args:
        detail: What was seen, for a person.
    """

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(f"the service is unavailable: {detail}")


class StoreUnavailable(ServiceUnavailable):
    """The database cannot be read or written; nothing of it was changed.

    Args:
        detail: What was seen, for a person; no path, no SQL.
    """

    def __init__(self, detail: str) -> None:
        self.detail = detail
        SharecastError.__init__(self, f"the database is unavailable: {detail}")


class WorkLost(ServiceUnavailable):
    """The process that worked on the call ended before it had an answer; nothing was kept of it."""

    def __init__(self) -> None:
        self.detail = "the process that worked on the call was ended"
        SharecastError.__init__(self, f"{self.detail}; call again")


class Overloaded(ServiceError):  # noqa: N818
    """The server has more to do than it can; the call was refused before any work was done for it.

    Args:
        seconds: After which it is worth to call again.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"the server has too much to do; call again in {seconds:.3g} s")


class DeadlineExceeded(ServiceError):  # noqa: N818
    """The call took longer than it was given.

    Args:
        seconds: The time given; None where it is not known.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        given = "its time" if seconds is None else f"the {seconds:.3g} s it was given"
        super().__init__(f"the call took longer than {given}; give it more, or ask for less")


class InternalError(ServiceError):
    """The service met something unforeseen.

    Args:
        request_id: Names the call in the log of the service.
    """

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        super().__init__(f"the service met an unforeseen error; report it with the request id {request_id}")


class AlreadyExists(ServiceError):  # noqa: N818
    """Something else was done under this request id before.

    Args:
        request_id: The id, as the caller gave it.
        detail: What was done under it, for a person.
    """

    def __init__(self, request_id: str, detail: str) -> None:
        self.request_id, self.detail = request_id, detail
        super().__init__(
            f"request id {request_id!r} was used before: {detail}; send the same rows again, or choose another id"
        )


class NoStore(ServiceError):  # noqa: N818
    """There is no database to keep anything in: the figures are those that ship, or of a file.

    Args:
        detail: Where the figures come from, for a person.
    """

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(f"nothing can be kept: {detail}; start with --database")


class Unauthenticated(ServiceError):  # noqa: N818
    """The call carries no valid key.

    Args:
        problem: What is wrong, for a person; nothing of the key.
    """

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{problem}; send the metadata 'authorization: Bearer KEY' with a valid key")


class PermissionDenied(ServiceError):  # noqa: N818
    """The key is valid, but its role may not call the method.

    Args:
        method: Full name, such as ``/sharecast.v1.MarketService/ImportFigures``.
        role: Of the key.
        needed: The least role that may.
    """

    def __init__(self, method: str, role: str, needed: str) -> None:
        self.method, self.role, self.needed = method, role, needed
        super().__init__(f"a key of role {role} may not call {method}; needed: {needed}")


class MalformedRequest(ServiceError):  # noqa: N818
    """The bytes sent are no message of the method's request type."""

    def __init__(self) -> None:
        super().__init__("the request is no message of the method's request type")


class CallRefused(ServiceError):  # noqa: N818
    """The call failed with a code that has no class of its own.

    Args:
        code: Name of the gRPC code, such as ``RESOURCE_EXHAUSTED``.
        detail: What the service said.
    """

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(f"the call was refused with {code}: {detail}")
