"""The interop versions of the IETF draft, and everything that differs between them: this table, and nothing else.

Spec: draft-ietf-httpbis-resumable-upload-01 (version 3) to -12 (version 9), § Draft Version Identification of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from tusvideo.message import RequestHead
from tusvideo.protocol import structured

VERSION_FIELD: Final = "Upload-Draft-Interop-Version"
PARTIAL_TYPE: Final = "application/partial-upload"
"""The media type of an append."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """How one version of the draft speaks."""

    number: int | None
    """What clients and answers write into Upload-Draft-Interop-Version. None: the request names no version that is
    known here; it is then read as the newest one, without interim answers, which only a known version announces."""
    completeness: str = "Upload-Complete"
    """The field that tells whether the upload is complete."""
    inverted: bool = False
    """True when that field tells whether it is incomplete."""
    completes_when_absent: bool = False
    """True when an append without that field is the last one; else it is malformed."""
    completes_at_length: bool = False
    """True when an upload that has all its bytes is complete, though nobody said so. No draft says that: the clients
    of tus-js-client's modes for these versions send nothing more (and for an empty file, no byte at all)."""
    partial_type_required: bool = True
    """True when an append must be of the media type ``application/partial-upload``."""
    incomplete_append_status: int = 204
    """The status of an append after which more is to come."""
    refuses_fields_on_query: bool = False
    """True when HEAD and DELETE must not have fields of an upload."""
    age_limit: str | None = "max-age"
    """How Upload-Limit calls the seconds that are left; None: there is no Upload-Limit."""
    takes_progress: bool = True
    """True when interim answers may tell how far a request has come."""
    gone_status: int = 410
    """The status of an upload that was here and has expired."""
    queries_by_get: bool = False
    """True when GET on an unfinished upload asks for the offset."""
    complete_problem: str = "inconsistent-upload-length"
    """The problem type of an append with content to a complete upload."""

    @property
    def takes_interim(self) -> bool:
        """True when the client understands 104 and expects this number in it."""
        return self.number is not None

    def completeness_field(self, complete: bool) -> tuple[str, str]:  # noqa: FBT001 - the value of the field
        """Write the field that tells whether the upload is complete."""
        return self.completeness, structured.build_boolean(complete != self.inverted)

    def completes(self, head: RequestHead) -> bool | None:
        """Read that field: True when the request is the last one. None: it is absent, or says nothing that can be read.

        Spec: draft-ietf-httpbis-resumable-upload-12 § Upload-Complete; -01 § Upload-Incomplete.
        """
        told = structured.parse_boolean(head.headers.getall(self.completeness, []))
        return None if told is None else told != self.inverted


_V9: Final = Version(number=9, queries_by_get=True)
_V8: Final = replace(_V9, number=8, queries_by_get=False, complete_problem="completed-upload")
_V7: Final = replace(_V8, number=7)
_V6: Final = replace(
    _V7,
    number=6,
    completes_when_absent=True,
    completes_at_length=True,
    incomplete_append_status=201,
    refuses_fields_on_query=True,
    age_limit="expires",
    gone_status=404,
)
_V5: Final = replace(_V6, number=5, partial_type_required=False, age_limit=None)
_V4: Final = replace(_V5, number=4, completes_at_length=False, takes_progress=False)
_V3: Final = replace(_V4, number=3, completeness="Upload-Incomplete", inverted=True)

VERSIONS: Final[Mapping[int, Version]] = MappingProxyType(
    {version.number: version for version in (_V3, _V4, _V5, _V6, _V7, _V8, _V9) if version.number is not None}
)
UNANNOUNCED: Final = replace(_V9, number=None, queries_by_get=False)
"""What a request is read as that announces no version, or one that is not known here; so will those of the RFC be.
Anybody may GET an upload to see whether there is a file."""


def version_of(head: RequestHead) -> Version:
    """Give the version that a request announces.

    Spec: draft-ietf-httpbis-resumable-upload-12 § Draft Version Identification.
    """
    number = structured.parse_integer(head.headers.getall(VERSION_FIELD, []))
    return VERSIONS.get(-1 if number is None else number, UNANNOUNCED)
