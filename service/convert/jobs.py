"""Jobs."""

from datetime import UTC, datetime

from google.rpc.status_pb2 import Status

from forecast.errors import InvalidArgument, SharecastError
from service.convert.batches import batch_message
from service.convert.parts import INT32, check_page_size, read_number_token, read_page_size, token_text
from service.queries import DEFAULT_PAGE_SIZE, LARGEST_PAGE, BatchQuery
from service.results import JobResult, JobsPage, JobState
from service.status import error_of_status, pack_error
from sharecast.v1 import job_pb2
from sharecast.v1.job_service_pb2 import (
    CreateForecastJobRequest,
    ListForecastJobsRequest,
    ListForecastJobsResponse,
    WatchForecastJobRequest,
)

_LIST = "ListForecastJobs"
_STATES: dict[JobState, "job_pb2.JobState"] = {
    "running": job_pb2.JOB_STATE_RUNNING,
    "done": job_pb2.JOB_STATE_DONE,
    "cancelled": job_pb2.JOB_STATE_CANCELLED,
    "failed": job_pb2.JOB_STATE_FAILED,
}
_STATE_NAMES: dict[int, JobState] = {number: name for name, number in _STATES.items()}


def job_request(query: BatchQuery, /, *, request_id: str, validate_only: bool) -> CreateForecastJobRequest:
    """Ask for a job; raises as `batch_message`."""
    return CreateForecastJobRequest(batch=batch_message(query), request_id=request_id, validate_only=validate_only)


def read_job_id(job_id: str, /) -> str:
    """Read the id of a job that must be named.

    Raises:
        InvalidArgument: it is not.
    """
    if not job_id:
        raise InvalidArgument("job_id", job_id, "the id of a job")
    return job_id


def jobs_request(page_size: int, page_token: str, /) -> ListForecastJobsRequest:
    """Ask for one page.

    Raises:
        InvalidArgument: a page size that the message cannot carry, or 0, which on the wire stands for the default.
    """
    check_page_size(page_size, LARGEST_PAGE)
    return ListForecastJobsRequest(page_size=page_size, page_token=page_token)


def jobs_query(request: ListForecastJobsRequest, /) -> tuple[int, int | None]:
    """Read the size of a page, and the number of the last job of the page before; None: the first page.

    Raises:
        InvalidArgument: a negative page size, or a token that is not ours.
    """
    after = read_number_token(request.page_token, _LIST)
    return read_page_size(request.page_size, DEFAULT_PAGE_SIZE, LARGEST_PAGE), after


def jobs_response(jobs: tuple[JobResult, ...], /, next_after: int | None) -> ListForecastJobsResponse:
    """Write one page."""
    token = "" if next_after is None else token_text(str(next_after), _LIST)
    return ListForecastJobsResponse(jobs=[job_message(job) for job in jobs], next_page_token=token)


def jobs_page(response: ListForecastJobsResponse, /) -> JobsPage:
    """Read one page."""
    return JobsPage(tuple(job_result(job) for job in response.jobs), response.next_page_token)


def watch_request(job_id: str, skip: int, /) -> WatchForecastJobRequest:
    """Ask to watch a job.

    Raises:
        InvalidArgument: a number of outcomes to leave out that the message cannot carry.
    """
    if not 0 <= skip < INT32:
        raise InvalidArgument("skip", skip, f"0 to {INT32 - 1} outcomes")
    return WatchForecastJobRequest(job_id=job_id, skip_count=skip)


def watch_query(request: WatchForecastJobRequest, /) -> tuple[str, int]:
    """Read which job, and how many outcomes to leave out.

    Raises:
        InvalidArgument: no job, or a negative number.
    """
    if request.skip_count < 0:
        raise InvalidArgument("skip_count", request.skip_count, "0 or more")
    return read_job_id(request.job_id), request.skip_count


def job_message(job: JobResult, /) -> job_pb2.ForecastJob:
    """Write a job."""
    return job_pb2.ForecastJob(
        job_id=job.job_id,
        state=_STATES[job.state],
        created_at=job.created_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        markets_count=job.markets_count,
        done_count=job.done_count,
        failed_count=job.failed_count,
        error=None if job.error is None else pack_error(job.error, ""),
    )


def job_result(job: job_pb2.ForecastJob, /) -> JobResult:
    """Read a job; one whose state has no name here yet is done once every market has an outcome."""
    unnamed: JobState = "done" if job.done_count >= job.markets_count else "running"
    return JobResult(
        job_id=job.job_id,
        state=_STATE_NAMES.get(job.state, unnamed),
        created_at=datetime.fromisoformat(job.created_at),
        markets_count=job.markets_count,
        done_count=job.done_count,
        failed_count=job.failed_count,
        error=error_of_status(job.error) if job.HasField("error") else None,
    )


def reason_bytes(error: SharecastError, /, request_id: str) -> bytes:
    """Write why a job failed, as it is kept: the bytes of a google.rpc.Status."""
    return pack_error(error, request_id).SerializeToString(deterministic=True)


def read_reason(kept: bytes, /) -> SharecastError:
    """Read why a job failed, as it is kept."""
    return error_of_status(Status.FromString(kept))
