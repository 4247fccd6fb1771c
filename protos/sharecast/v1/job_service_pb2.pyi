from sharecast.v1 import batch_pb2 as _batch_pb2
from sharecast.v1 import job_pb2 as _job_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateForecastJobRequest(_message.Message):
    __slots__ = ("batch", "request_id", "validate_only")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    batch: _batch_pb2.ForecastBatch
    request_id: str
    validate_only: bool
    def __init__(self, batch: _Optional[_Union[_batch_pb2.ForecastBatch, _Mapping]] = ..., request_id: _Optional[str] = ..., validate_only: bool = ...) -> None: ...

class CreateForecastJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: _job_pb2.ForecastJob
    def __init__(self, job: _Optional[_Union[_job_pb2.ForecastJob, _Mapping]] = ...) -> None: ...

class GetForecastJobRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class GetForecastJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: _job_pb2.ForecastJob
    def __init__(self, job: _Optional[_Union[_job_pb2.ForecastJob, _Mapping]] = ...) -> None: ...

class ListForecastJobsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListForecastJobsResponse(_message.Message):
    __slots__ = ("jobs", "next_page_token")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[_job_pb2.ForecastJob]
    next_page_token: str
    def __init__(self, jobs: _Optional[_Iterable[_Union[_job_pb2.ForecastJob, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CancelForecastJobRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class CancelForecastJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: _job_pb2.ForecastJob
    def __init__(self, job: _Optional[_Union[_job_pb2.ForecastJob, _Mapping]] = ...) -> None: ...

class WatchForecastJobRequest(_message.Message):
    __slots__ = ("job_id", "skip_count")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    SKIP_COUNT_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    skip_count: int
    def __init__(self, job_id: _Optional[str] = ..., skip_count: _Optional[int] = ...) -> None: ...

class WatchForecastJobResponse(_message.Message):
    __slots__ = ("job", "outcomes")
    JOB_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    job: _job_pb2.ForecastJob
    outcomes: _containers.RepeatedCompositeFieldContainer[_batch_pb2.MarketOutcome]
    def __init__(self, job: _Optional[_Union[_job_pb2.ForecastJob, _Mapping]] = ..., outcomes: _Optional[_Iterable[_Union[_batch_pb2.MarketOutcome, _Mapping]]] = ...) -> None: ...
