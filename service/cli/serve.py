"""`sharecast serve`: the gRPC server."""

import click

from service.cli import options


@click.command()
@click.option("--listen", default="127.0.0.1:50051", show_default=True, metavar="HOST:PORT", help="Port 0 picks one.")
@options.database
def serve(listen: str, database: str | None) -> None:
    """Answer forecasts and histories over gRPC until stopped.

    Prints `listening on HOST:PORT` once ready; the first start after an installation compiles the filter, which takes
    some seconds. Ctrl-C or SIGTERM lets the calls in flight end first.
    """
    import asyncio

    from forecast.forecasting import warm_up
    from service.catalog import Catalog
    from service.cli.opening import open_existing
    from service.server import serve as answer

    catalog = Catalog.shipped(open_existing(database, create=True))
    warm_up()
    asyncio.run(answer(listen, catalog, ready=lambda address: click.echo(f"listening on {address}")))
