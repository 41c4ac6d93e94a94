"""POST on the collection (groups C, W, L, X): a creation, perhaps with its first bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.heads import ID, NEXT_WEEK_TEXT, OFFSET_TYPE, TUS, finished, head, parse, post, told, upload
from tusvideo.commands import Created, CreateUpload
from tusvideo.errors import InvalidField, MissingField, TusvideoError, UnsupportedCoding
from tusvideo.model import Protocol, Status
from tusvideo.protocol import metadata, tus

LENGTH = ("Upload-Length", "10")
DEFER = ("Upload-Defer-Length", "1")


def meta(**values: str) -> tuple[str, str]:
    """An Upload-Metadata field with these texts."""
    return "Upload-Metadata", metadata.build({key: value.encode() for key, value in values.items()})


def test_a_length_is_enough() -> None:
    """C-01, C-15, C-16: a POST with a length and no body makes an empty upload in the default profile."""
    assert post(LENGTH) == CreateUpload(protocol=Protocol.TUS, profile="files", length=10, body_length=0)


@pytest.mark.parametrize("text", ["-1", "abc", "", "1.5", "5 5", "9223372036854775808", "1" * 60, "010"])
def test_the_length_is_a_number(text: str) -> None:
    """C-07, C-08, S-03: anything but a non-negative integer is refused."""
    with pytest.raises(InvalidField, match="Upload-Length"):
        post(("Upload-Length", text))


def test_zero_is_a_length() -> None:
    """C-09: an empty file has the length 0."""
    assert post(("Upload-Length", "0")).length == 0


def test_one_of_the_lengths_is_required() -> None:
    """C-05: neither Upload-Length nor Upload-Defer-Length is a request that nobody can serve."""
    with pytest.raises(MissingField, match="Upload-Length is missing"):
        post()


@pytest.mark.parametrize("value", ["1", "0", ""])
def test_both_lengths_contradict(value: str) -> None:
    """C-06: a length that is told is not deferred."""
    with pytest.raises(InvalidField, match="Upload-Defer-Length"):
        post(LENGTH, ("Upload-Defer-Length", value))


def test_a_length_may_come_later() -> None:
    """L-01: Upload-Defer-Length: 1 leaves the length open."""
    assert post(DEFER).length is None


@pytest.mark.parametrize("value", ["0", "2", "true", ""])
def test_deferring_is_one(value: str) -> None:
    """L-02: any other value of Upload-Defer-Length is refused."""
    with pytest.raises(InvalidField, match="Upload-Defer-Length"):
        post(("Upload-Defer-Length", value))


@pytest.mark.parametrize(
    "name", ["Upload-Length", "Upload-Defer-Length", "Idempotency-Key", "Upload-Concat", "Content-Type"]
)
def test_repeated_fields_are_refused(name: str) -> None:
    """S-04: of two values nobody knows which one counts, even when they are equal."""
    values = {"Upload-Length": "10", "Upload-Defer-Length": "1"}
    others = () if name in values else (LENGTH,)
    with pytest.raises(InvalidField, match="2 times"):
        post(*others, (name, values.get(name, "x")), (name, values.get(name, "x")))


@pytest.mark.parametrize(
    ("fields", "content_length", "has_body", "takes_body", "body_length"),
    [
        pytest.param([OFFSET_TYPE], 5, True, True, 5, id="W-01: offset type and a body"),
        pytest.param([OFFSET_TYPE], None, True, True, None, id="W-11: chunked body"),
        pytest.param([OFFSET_TYPE], 0, False, True, 0, id="W-10: offset type and zero bytes"),
        pytest.param([("Content-Type", "text/plain")], 5, True, False, 5, id="W-05: another type is not stored"),
        pytest.param([], 5, True, False, 5, id="W-05: no type is not stored"),
        pytest.param([], 0, False, False, 0, id="C-15: no body"),
    ],
)
def test_a_body_of_the_offset_type_is_stored(
    fields: list[tuple[str, str]], content_length: int | None, has_body: bool, takes_body: bool, body_length: int | None
) -> None:
    """W-01, W-05, W-10, W-11: only application/offset+octet-stream is upload content."""
    command = post(LENGTH, *fields, content_length=content_length, has_body=has_body)
    assert (command.takes_body, command.body_length) == (takes_body, body_length)


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", "GZIP"])
def test_coded_bodies_are_refused(coding: str) -> None:
    """S-27: stored bytes are those that came, so no content coding makes sense; 415 tells which would."""
    with pytest.raises(UnsupportedCoding) as caught:
        post(LENGTH, OFFSET_TYPE, ("Content-Encoding", coding), content_length=5, has_body=True)
    answer = tus.render_error(caught.value, head_only=False)
    assert (answer.status, told(answer)["Accept-Encoding"]) == (415, "identity")


@pytest.mark.parametrize(
    ("coding", "has_body"), [("identity", True), ("", True), ("Identity , identity", True), ("gzip", False)]
)
def test_identity_is_no_coding(coding: str, has_body: bool) -> None:
    """S-27: identity is accepted, and a coding of no body codes nothing."""
    assert post(LENGTH, OFFSET_TYPE, ("Content-Encoding", coding), content_length=5, has_body=has_body).takes_body


@pytest.mark.parametrize("field", [("Upload-Concat", ""), ("Trailer", "x-other"), ("Upload-Unheard-Of", "1")])
def test_what_means_nothing_is_ignored(field: tuple[str, str]) -> None:
    """N-23, S-33: an empty Upload-Concat, another trailer and unknown fields change nothing."""
    assert post(LENGTH, field).length == 10


def test_the_idempotency_key_is_kept() -> None:
    """C-17: the key finds the upload again when the answer was lost."""
    assert post(LENGTH, ("Idempotency-Key", "k-1")).creation_key == "k-1"
    with pytest.raises(InvalidField):
        post(LENGTH, ("Idempotency-Key", ""))


def test_metadata_tells_facts() -> None:
    """D-01, J-19: name, title and description are taken from the metadata, which itself is kept as it came."""
    field = meta(name="ф.mp4", title=" Holiday ", description="a\nb", relativePath="null")
    command = post(LENGTH, field)
    assert (command.original_name, command.title, command.description) == ("ф.mp4", "Holiday", "a\nb")
    assert command.metadata == field[1]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/abs", "..\\x", "a\x00b", "x" * 5_000, "x\r\nSet-Cookie: a=b"])
def test_hostile_names_are_data(name: str) -> None:
    """D-14, D-15: a name is stored as it is and decides nothing."""
    assert post(LENGTH, meta(filename=name)).original_name == name


def test_absent_texts_are_absent() -> None:
    """J-19: what Uppy sends for nothing, an empty text or null, is nothing."""
    command = post(LENGTH, meta(filename="null", title="null", description="", profile="null"))
    assert (command.original_name, command.title, command.description) == (None, None, None)
    assert command.profile == "files"


@pytest.mark.parametrize(
    "texts", [{"title": "x" * 201}, {"title": "  "}, {"title": "a\nb"}, {"description": "x" * 5001}]
)
def test_titles_and_descriptions_are_checked(texts: dict[str, str]) -> None:
    """A title that no record could have is refused before a byte is sent."""
    with pytest.raises(InvalidField):
        post(LENGTH, meta(**texts))


@pytest.mark.parametrize(
    ("fields", "query", "profile"),
    [
        ((), (), "files"),
        ((), (("profile", "poster"),), "poster"),
        ((meta(profile="poster"),), (), "poster"),
        ((meta(profile="poster"),), (("profile", "files"),), "poster"),
        ((), (("profile", ""), ("token", "x")), "files"),
    ],
)
def test_the_profile_is_named_or_the_default(
    fields: tuple[tuple[str, str], ...], query: tuple[tuple[str, str], ...], profile: str
) -> None:
    """The profile is that of the metadata, else that of the query, else the default; other parameters are ignored."""
    assert post(LENGTH, *fields, query=query).profile == profile


def test_unknown_profiles_are_refused() -> None:
    """A profile that does not exist is refused with the names of those that do; so is a repeated parameter."""
    with pytest.raises(InvalidField, match=r"one of files, poster, got '\.\./x'"):
        post(LENGTH, meta(profile="../x"))
    with pytest.raises(InvalidField):
        post(LENGTH, query=(("profile", "files"), ("profile", "files")))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "Upload-Length",
                    "Upload-Defer-Length",
                    "Upload-Metadata",
                    "Content-Type",
                    "Idempotency-Key",
                    "Trailer",
                ]
            ),
            st.text(),
        )
    )
)
def test_any_head_is_a_creation_or_refused(fields: list[tuple[str, str]]) -> None:
    """G-07: random fields give a command or an error below 500."""
    status = 201
    try:
        parse(head("POST", TUS, *fields))
    except TusvideoError as error:
        status = tus.render_error(error, head_only=False).status
    assert status < 500


@pytest.mark.parametrize("base_path", ["/files", "/files/"])
def test_the_answer_has_a_location(base_path: str) -> None:
    """C-01, C-02, X-01, S-32: 201, a path-absolute Location, Upload-Expires, and no offset without a body."""
    outcome = Created(upload=upload(offset=0), stored_body=False)
    answer = tus.render(outcome, base_path=base_path, content_location=None)
    assert answer.status == 201
    assert told(answer) == {
        "Tus-Resumable": "1.0.0",
        "Location": f"/files/{ID}",
        "Upload-Expires": NEXT_WEEK_TEXT,
    }


@pytest.mark.parametrize(
    ("offset", "stored_body", "ignored_body", "shown"),
    [
        pytest.param(5, True, False, "5", id="W-01: stored"),
        pytest.param(0, True, False, "0", id="W-10: zero bytes"),
        pytest.param(0, False, True, "0", id="W-05: not stored"),
        pytest.param(5, False, False, "5", id="C-17: stored by the first try"),
    ],
)
def test_the_answer_tells_what_was_stored(offset: int, stored_body: bool, ignored_body: bool, shown: str) -> None:
    """W-01, W-05, W-10, W-13: Upload-Offset tells how much of a body is there."""
    outcome = Created(upload=upload(offset=offset), stored_body=stored_body)
    answer = tus.render(outcome, base_path="/files", content_location=None, ignored_body=ignored_body)
    assert (told(answer)["Upload-Offset"], told(answer)["Upload-Expires"]) == (shown, NEXT_WEEK_TEXT)


def test_a_finished_creation_names_the_result() -> None:
    """W-03, X-04: a creation that is complete at once has Content-Location and expires no more."""
    outcome = Created(upload=finished(), stored_body=True)
    found = told(tus.render(outcome, base_path="/files", content_location="/uploads/files/ann/holiday.mp4"))
    assert found["Content-Location"] == "/uploads/files/ann/holiday.mp4"
    assert found["Upload-Offset"] == "10"
    assert "Upload-Expires" not in found


def test_no_result_is_named_before_it_is_there() -> None:
    """J-04: while the file is being published there is neither a result nor an expiry."""
    outcome = Created(upload=upload(status=Status.FINALIZING, offset=10), stored_body=True)
    found = told(tus.render(outcome, base_path="/files", content_location="/uploads/x"))
    assert "Content-Location" not in found
    assert "Upload-Expires" not in found


def test_metadata_or_query_names_the_record_that_is_replaced() -> None:
    """The metadata goes before the query; null is as if absent."""
    assert post(LENGTH, meta(replaces="a" * 32), query=[("replaces", "b" * 32)]).replaces == "a" * 32
    assert post(LENGTH, meta(replaces="null"), query=[("replaces", "b" * 32)]).replaces == "b" * 32
    assert post(LENGTH).replaces is None


@pytest.mark.parametrize("name", ["A" * 32, "a" * 31, "../x", "ä" * 32])
def test_what_names_no_record_is_refused(name: str) -> None:
    """Before the first byte, like a profile that there is not."""
    with pytest.raises(InvalidField, match="the id of a video"):
        post(LENGTH, meta(replaces=name))
