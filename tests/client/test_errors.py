"""Errors that travel: facts, pickles, and the tree."""

import pickle

import pytest

import tusvideo_client
from tusvideo_client import GaveUpError, RejectedError, UploadError

KINDS = [kind for kind in vars(tusvideo_client).values() if isinstance(kind, type) and issubclass(kind, UploadError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_can_be_pickled(kind: type[UploadError]) -> None:
    """An error crosses a process pool with all it knows."""
    error = kind("no", upload_url="http://h/1", offset=5, status=413, request_id="r", retryable=True, hint="smaller")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert type(copy) is kind
    assert (str(copy), copy.facts()) == ("no", error.facts())


def test_what_can_be_repeated_says_so() -> None:
    """Giving up can be repeated as it is; a refusal cannot."""
    assert GaveUpError("later").retryable
    assert not RejectedError("never").retryable


def test_every_error_is_exported() -> None:
    """The tree has thirteen classes, and the package names them all."""
    assert len(KINDS) == 13
    assert {kind.__name__ for kind in KINDS} <= set(tusvideo_client.__all__)
