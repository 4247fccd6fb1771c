"""`sharecast healthcheck`: whether a server can answer, as an exit status for a container's probe."""

from typing import TYPE_CHECKING

import click

from service.cli import options

if TYPE_CHECKING:
    from service.client import Client

_USUAL = "127.0.0.1:50051"  # where a server listens unless told otherwise


@click.command()
@options.server(f"Ask this server.  [default: {_USUAL}]")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True, max=60),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="Time it has to answer.",
)
def healthcheck(address: str | None, timeout: float) -> None:
    """Ask a server whether it can answer calls; ends with status 0 where it says that it can.

    Health needs no key. Where one is given, by --key-file or SHARECAST_KEY, a call is made with it too, so that a key
    that is no longer valid shows.
    """
    from service.cli.connecting import connect, key_given
    from service.cli.output import say

    at = address or _USUAL
    with connect(at) as client:
        _check(client, at, timeout)
        if key_given():
            client.list_models(timeout=timeout)
    say(f"{at} is serving")


def _check(client: "Client", address: str, timeout: float) -> None:
    """Ask the standard health service.

    Raises:
        ServiceUnavailable: nobody answers, or the server says that it cannot.
        ServiceError: it answers otherwise.
    """
    import grpc
    from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

    from service.client.calls import error_of
    from service.errors import ServiceUnavailable

    check = client._channel.unary_unary(
        "/grpc.health.v1.Health/Check", HealthCheckRequest.SerializeToString, HealthCheckResponse.FromString
    )
    try:
        told = check(HealthCheckRequest(), timeout=timeout).status
    except grpc.RpcError as failed:
        raise error_of(failed, timeout=timeout) from None
    if told != HealthCheckResponse.SERVING:
        raise ServiceUnavailable(f"{address} says {HealthCheckResponse.ServingStatus.Name(told)}")
