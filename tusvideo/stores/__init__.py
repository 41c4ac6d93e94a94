"""Where bytes live. ``files`` is the only module that makes file-system calls for uploads."""
