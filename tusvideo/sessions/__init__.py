"""Where session rows live: in SQLite (``sqlite``), or in memory for tests (``memory``); both keep the same promises."""
