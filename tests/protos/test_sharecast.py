import subprocess
import sys

import pytest

import forecast
import service.client
import sharecast


def test_it_has_every_public_name_of_the_library_and_of_the_client() -> None:
    assert dir(sharecast) == sorted({*forecast.__all__, *service.client.__all__})
    for home in (forecast, service.client):
        for name in home.__all__:
            assert getattr(sharecast, name) is getattr(home, name)
    with pytest.raises(AttributeError, match="module 'sharecast' has no attribute 'forecasts'"):
        sharecast.forecasts  # type: ignore[attr-defined]  # noqa: B018


def test_it_loads_nothing_that_was_not_asked_for() -> None:
    for asked, heavy in (("", "{'grpc', 'numpy', 'polars'}"), ("sharecast.Client", "{'numpy', 'polars'}")):
        script = f"import sharecast, sys; {asked}\nassert not {heavy} & set(sys.modules)"
        subprocess.run([sys.executable, "-c", script], check=True)
