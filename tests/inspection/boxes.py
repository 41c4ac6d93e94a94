"""Boxes of an mp4, written by hand."""


def box(kind: bytes, content: bytes = b"") -> bytes:
    """A box with its size in four bytes."""
    return (8 + len(content)).to_bytes(4) + kind + content


def large(kind: bytes, content: bytes = b"") -> bytes:
    """A box with its size in eight bytes."""
    return (1).to_bytes(4) + kind + (16 + len(content)).to_bytes(8) + content


def last(kind: bytes, content: bytes = b"") -> bytes:
    """A box that ends with the file."""
    return bytes(4) + kind + content


FTYP = box(b"ftyp", b"isom\0\0\0\0")
