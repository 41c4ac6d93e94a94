"""Words that are no key of a client."""

BAD_KEYS = {
    "empty": "",
    "slash": "a/b",
    "backslash": "a\\b",
    "dots": "..",
    "way up": "../../etc/passwd",
    "encoded slash": "a%2fb",
    "space": "a b",
    "nul": "a\x00b",
    "line break": "a\r\nb",
    "too long": "k" * 129,
    "4 KiB": "k" * 4096,
    "letters of elsewhere": "\u00e9t\u00e9",
    "right to left": "a\u202eb",
    "full-width": "\uff41",
    "quote": "a' OR '1'='1",
    "null": "a;null",
}
