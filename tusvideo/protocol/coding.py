"""Content-Encoding on bytes that are stored as they come."""

from tusvideo.errors import UnsupportedCoding
from tusvideo.message import RequestHead


def judge_coding(head: RequestHead) -> None:
    """Refuse a body that is compressed. Raises UnsupportedCoding.

    Spec: RFC 9110 §8.4, §15.5.16.
    """
    codings = ",".join(head.headers.getall("Content-Encoding", []))
    if head.has_body and any(coding.strip(" \t").lower() not in {"", "identity"} for coding in codings.split(",")):
        raise UnsupportedCoding(got=codings)
