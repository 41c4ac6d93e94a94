"""Addresses that are none."""

NO_ADDRESSES = [
    *(
        "",
        "h",
        "//h",
        "h:8080",
        "file:///etc/passwd",
        "ftp://h",
        "http:/x",
        "http:x",
        "http://",
        "http:///x",
        "http://:80",
    ),
    *("http://h:99999", "http://h:65536/x", "http://h:0", "http://h:-1", "http://h:x", "http://[::1", "http://[x]/"),
    *("http://h h/", "http://h/a b", " http://h", "http://h\n", "http://h/\t", "http://h/\u00a0", "http://h/\udcff"),
    *(
        "http://a..b/",
        "http://.h/",
        f"http://{64 * 'a'}/",
        f"http://ä{64 * 'a'}/",
        "http://a|b",
        "http://h%20h",
        "http://h\\x",
    ),
    *("http://<h>", "http://ä..b", "http://[::1]x", "http://[::g]"),
]
