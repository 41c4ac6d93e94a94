"""The dialects: heads and fields in, commands out; outcomes and errors in, heads out. Pure: no I/O, no clock.

``tus`` speaks tus 1.0.0, ``chunk_api`` the documented chunk routes, ``videos_api`` the records. The IETF draft gets a
room of its own beside them (``rufh``); the tus extensions checksum and concatenation get theirs in ``tus`` and
``digest``.
"""
