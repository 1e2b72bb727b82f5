from collections.abc import Iterator

import pytest

from tests.product import Product


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """One running product for all journeys that leave it running."""
    with Product() as product:
        yield product
