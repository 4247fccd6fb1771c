"""`sharecast withdraw`: imported rows that were wrong stop counting."""

from typing import TYPE_CHECKING, Literal, cast

import click

from service.cli import options
from service.queries import WithdrawQuery

if TYPE_CHECKING:
    from service.results import WithdrawReport

_SHOWN = 10  # names of providers


@click.command()
@options.database
@click.option("--import-id", type=click.IntRange(min=1), metavar="N", help="Rows of this import.")
@click.option("--market", help="Rows of this market.")
@click.option("--house", help="Of these, those of this house.")
@click.option("--provider", help="Of these, those that name this provider, alone or in a sum.")
@click.option("--period", metavar="QUARTER", help="Of these, those of this quarter (2020Q3) or year (2020).")
@click.option(
    "--kind",
    type=click.Choice(("figures", "shares", "names")),
    help="Of these, those of this kind.  [default: with --import-id every kind, else figures and shares]",
)
@click.option("--validate-only", is_flag=True, help="Show what would be withdrawn; keep everything.")
@click.option("--request-id", default="", metavar="ID", help="Name this withdrawal: given again it is not repeated.")
@options.server("Withdraw from the database of this server.  [default: do it here]")
def withdraw(
    database: str | None,
    import_id: int | None,
    market: str | None,
    house: str | None,
    provider: str | None,
    period: str | None,
    kind: str | None,
    validate_only: bool,
    request_id: str,
    address: str | None,
) -> None:
    """Have imported rows stop counting: all that fit what is given.

    Give the number of an import, as `sharecast import` has printed it, or a market, and narrow that by house, provider
    and quarter. Nothing is deleted: --recorded-by an earlier moment still shows what the database held then. Figures
    that come with Sharecast cannot be withdrawn.
    """
    from service.cli.changes import tell_changes
    from service.cli.output import say, tell

    if address is not None and database is not None:
        raise click.UsageError("--database is for this machine, and a server at --address has its own; give one.")
    for option, given in (("market", market), ("house", house), ("provider", provider), ("period", period)):
        if given is not None and not given.strip():
            raise click.UsageError(f"--{option} is empty; give what is to be withdrawn, or leave it out.")
    if import_id is None and market is None:
        raise click.UsageError("Say which rows: give --import-id or --market.")
    query = WithdrawQuery(
        import_id=import_id,
        market=market or "",
        house=house or "",
        provider=provider or "",
        period=period or "",
        kind=cast('Literal["", "figures", "shares", "names"]', kind or ""),
        request_id=request_id,
        validate_only=validate_only,
    )
    report, place = _here(query, database) if address is None else _there(query, address)
    for warning in report.warnings:
        tell(f"note: {warning}")
    for rows in report.withdrawn:
        span = rows.first if rows.first == rows.last else f"{rows.first} to {rows.last}"
        more = f" and {len(rows.providers) - _SHOWN} more" if len(rows.providers) > _SHOWN else ""
        names = ", ".join(rows.providers[:_SHOWN]) + more
        of = ", ".join(part for part in (rows.market, rows.house, span, names) if part)
        say(f"{rows.rows} row(s) of {rows.kind}: {of}")
    tell_changes([change for change in report.changes if change.after is not None])  # an earlier row holds again
    if validate_only:
        say("nothing was withdrawn, as asked")
    else:
        say(f"withdrawn from {place} as entry {report.import_id}")


def _here(query: WithdrawQuery, database: str | None) -> "tuple[WithdrawReport, str]":
    from forecast.errors import InvalidArgument
    from service.catalog import Catalog
    from service.cli.opening import NO_DATABASE, open_existing

    store = open_existing(database)
    if store is None:
        raise InvalidArgument("database", database or NO_DATABASE, "a database; without one nothing is imported")
    return Catalog.shipped(store).withdraw(query), store.place


def _there(query: WithdrawQuery, address: str) -> "tuple[WithdrawReport, str]":
    from service.cli.connecting import connect

    with connect(address) as client:
        report = client.withdraw_figures(
            import_id=query.import_id,
            market=query.market,
            house=query.house,
            provider=query.provider,
            period=query.period,
            kind=query.kind,
            request_id=query.request_id,
            validate_only=query.validate_only,
        )
    return report, f"the database of {address}"
