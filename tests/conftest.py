"""What holds for every test."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
APART = (HERE / "browser", HERE / "client" / "foreign")
"""What takes long and needs programs of others: `make test-browser` and `make test-foreign` name these folders."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the tests of such a folder to those who name it."""
    if collection_path not in APART:
        return None
    asked = (Path(config.invocation_params.dir, argument.partition("::")[0]).resolve() for argument in config.args)
    return None if any(path.is_relative_to(collection_path) for path in asked) else True
