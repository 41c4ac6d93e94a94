"""What is stored of a file in chunks, and what is missing."""

import pytest

from tusvideo_client.inventory import Inventory


@pytest.mark.parametrize(("length", "total", "last"), [(1, 1, 1), (10, 1, 10), (11, 2, 1), (25, 3, 5)], ids=str)
def test_the_inventory_counts(length: int, total: int, last: int) -> None:
    """Every chunk has the same size but the last one, and stored bytes are counted by chunk."""
    inventory = Inventory(length, chunk_size=10)
    assert (inventory.total, inventory.length_of(total - 1)) == (total, last)
    assert (list(inventory.todo), inventory.stored_bytes) == (list(range(total)), 0)
    inventory.reset_missing([total - 1, total + 5])
    assert (list(inventory.todo), inventory.stored_bytes) == ([total - 1], length - last)
    inventory.store(total - 1)
    assert (list(inventory.todo), inventory.stored_bytes) == ([], length)


@pytest.mark.parametrize(("offset", "chunks"), [(0, 0), (9, 0), (10, 1), (24, 2), (25, 3)])
def test_the_inventory_counts_whole_chunks_only(offset: int, chunks: int) -> None:
    """An offset inside a chunk does not make it a stored one; the last one may be short."""
    assert Inventory(25, chunk_size=10).whole_before(offset) == chunks


def test_a_chunk_is_stored_once() -> None:
    """An answer that comes twice counts once; what the server lost counts no more."""
    inventory = Inventory(25, chunk_size=10)
    inventory.store(2)
    inventory.store(2)
    assert (list(inventory.todo), inventory.stored_bytes) == ([0, 1], 5)
    inventory.reset([0, 7, -1])
    assert (list(inventory.todo), inventory.stored_bytes) == ([1, 2], 10)
