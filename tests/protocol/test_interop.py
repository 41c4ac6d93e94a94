"""The table of interop versions against the table of the drafts, row by row."""

import pytest

from tests.protocol.heads import head
from tusvideo.protocol.interop import UNANNOUNCED, VERSION_FIELD, VERSIONS, version_of

# completeness field, inverted, absent completes, length completes, type required, status of an append, fields refused
# on HEAD, name of the age limit, progress, status of what expired, GET asks, problem of what is complete
OLD, NEW = "completed-upload", "inconsistent-upload-length"
DRAFTS = {
    3: ("Upload-Incomplete", True, True, False, False, 201, True, None, False, 404, False, OLD),
    4: ("Upload-Complete", False, True, False, False, 201, True, None, False, 404, False, OLD),
    5: ("Upload-Complete", False, True, True, False, 201, True, None, True, 404, False, OLD),
    6: ("Upload-Complete", False, True, True, True, 201, True, "expires", True, 404, False, OLD),
    7: ("Upload-Complete", False, False, False, True, 204, False, "max-age", True, 410, False, OLD),
    8: ("Upload-Complete", False, False, False, True, 204, False, "max-age", True, 410, False, OLD),
    9: (
        "Upload-Complete",
        False,
        False,
        False,
        True,
        204,
        False,
        "max-age",
        True,
        410,
        True,
        "inconsistent-upload-length",
    ),
}


@pytest.mark.parametrize("number", DRAFTS)
def test_what_a_version_does(number: int) -> None:
    """IETF 98 to 103: the differences between the drafts."""
    version = VERSIONS[number]
    assert version.number == number
    assert version.takes_interim
    assert (
        version.completeness,
        version.inverted,
        version.completes_when_absent,
        version.completes_at_length,
        version.partial_type_required,
        version.incomplete_append_status,
        version.refuses_fields_on_query,
        version.age_limit,
        version.takes_progress,
        version.gone_status,
        version.queries_by_get,
        version.complete_problem,
    ) == DRAFTS[number]


def test_the_versions_are_those_of_the_drafts() -> None:
    """No deployment is known of version 2, and none of a version above 9."""
    assert set(VERSIONS) == set(DRAFTS)


@pytest.mark.parametrize("lines", [[], ["7777"], ["2"], ["-9"], ["9.0"], ["nine"], ["9", "9"], [""]])
def test_an_unknown_version_is_no_error(lines: list[str]) -> None:
    """IETF 26, 27: no version, or one that is not known here, means no interim answers and nothing else."""
    version = version_of(head("POST", *((VERSION_FIELD, line) for line in lines)))
    assert version is UNANNOUNCED
    assert not version.takes_interim


@pytest.mark.parametrize("text", ["9", "9;x=1", "09"])
def test_a_known_version(text: str) -> None:
    """The field is an Integer with parameters that are ignored."""
    assert version_of(head("POST", (VERSION_FIELD, text))) is VERSIONS[9]


@pytest.mark.parametrize(
    ("number", "field", "completes"),
    [
        (9, ("Upload-Complete", "?1"), True),
        (9, ("Upload-Complete", "?0"), False),
        (9, ("Upload-Complete", "true"), None),
        (9, ("Upload-Incomplete", "?0"), None),
        (3, ("Upload-Incomplete", "?0"), True),
        (3, ("Upload-Incomplete", "?1"), False),
        (3, ("Upload-Complete", "?1"), None),
    ],
)
def test_completeness(number: int, field: tuple[str, str], completes: bool | None) -> None:
    """IETF 1 to 3, 98, 99: the field of version 3 says the opposite."""
    version = VERSIONS[number]
    assert version.completes(head("POST", field)) is completes
    if completes is not None:
        assert version.completeness_field(completes) == field
