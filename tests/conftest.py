"""What holds for every test."""

from pathlib import Path

import pytest

BROWSER = Path(__file__).parent / "browser"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the tests of the pages to `make test-browser`, which names them: they take long, and a browser."""
    if collection_path != BROWSER:
        return None
    asked = (Path(config.invocation_params.dir, argument.partition("::")[0]).resolve() for argument in config.args)
    return None if any(path.is_relative_to(BROWSER) for path in asked) else True
