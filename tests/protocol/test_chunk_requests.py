"""The chunk routes, requests: every field of every route, missing, empty, repeated, negative, huge, no number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.heads import POSTER, head
from tusvideo.commands import Finalize, PutPart, QueryParts, TerminateParts
from tusvideo.errors import InvalidField, MissingField, TooLarge, TusvideoError
from tusvideo.message import RequestHead
from tusvideo.model import ClientKey, Limits
from tusvideo.protocol import chunk_api

MIB = 1024 * 1024
LIMITS = Limits()
SHA = "ab" * 32
PART = {"chunkIndex": ["0"], "uploadId": ["holiday-1"], "totalChunks": ["4"]}
FULL = {**PART, "chunkSize": [str(MIB)], "fileSize": [str(3 * MIB + 1)], "checksum": [SHA.upper()]}
FINAL = {"uploadId": ["holiday-1"], "filename": ["holiday.mp4"], "totalChunks": ["4"]}
NUMBERS = [
    pytest.param(["-1"], id="realistic: negative"),
    pytest.param(["NaN"], id="realistic: NaN"),
    pytest.param(["undefined"], id="realistic: undefined"),
    pytest.param([""], id="realistic: empty"),
    pytest.param(["1.0"], id="synthetic: a fraction"),
    pytest.param(["1", "1"], id="synthetic: repeated"),
    pytest.param(["1e0"], id="synthetic: exponent"),
    pytest.param([" 1"], id="synthetic: space"),
    pytest.param(["٣"], id="pathological: Arabic digit"),
    pytest.param(["9" * 5_000], id="pathological: 5,000 digits"),
    pytest.param(["0\x00"], id="pathological: NUL"),
]
KEYS = [
    pytest.param([""], id="realistic: empty"),
    pytest.param(["my file.mp4"], id="realistic: a file name"),
    pytest.param(["a", "b"], id="synthetic: repeated"),
    pytest.param(["../x"], id="pathological: a path"),
    pytest.param(["a/b"], id="pathological: a slash"),
    pytest.param(["a%2fb"], id="pathological: an encoded slash"),
    pytest.param(["a\n"], id="pathological: a line break"),
    pytest.param(["ä"], id="pathological: not ASCII"),
    pytest.param(["x" * 129], id="pathological: 129 characters"),
    pytest.param(["\x00"], id="pathological: NUL"),
]


def put(form: dict[str, list[str]]) -> PutPart:
    """Read the fields of a chunk form for the poster profile."""
    return chunk_api.parse_part(form, profile=POSTER, limits=LIMITS)


def finalize(form: dict[str, list[str]]) -> Finalize:
    """Read the fields of a finalize form for the poster profile."""
    return chunk_api.parse_finalize(form, profile=POSTER, limits=LIMITS)


def finalize_json(document: dict[str, object]) -> Finalize:
    """Read the JSON of a finalize for the poster profile."""
    return chunk_api.parse_finalize_json(document, profile=POSTER, limits=LIMITS)


def test_the_required_fields_are_enough() -> None:
    """The three fields of the original make a command."""
    expected = PutPart(profile="poster", client_key=ClientKey("holiday-1"), index=0, total_parts=4)
    assert put(PART) == expected
    assert put({**PART, "unknown": ["a", "b"]}) == expected


def test_the_optional_fields_tell_more() -> None:
    """Sizes are numbers of bytes, and a checksum is brought to lower case."""
    command = put(FULL)
    assert (command.part_size, command.length, command.checksum) == (MIB, 3 * MIB + 1, SHA)


@pytest.mark.parametrize("name", PART)
def test_missing_fields_are_named(name: str) -> None:
    """A field that is not there is MissingField, which before the file means: not yet."""
    with pytest.raises(MissingField, match=f"{name} is missing"):
        put({key: values for key, values in FULL.items() if key != name})


@pytest.mark.parametrize("values", NUMBERS)
@pytest.mark.parametrize("name", ["chunkIndex", "totalChunks", "chunkSize", "fileSize"])
def test_numbers_are_numbers(name: str, values: list[str]) -> None:
    """A number that is none is refused under its name."""
    with pytest.raises(InvalidField) as caught:
        put({**FULL, name: values})
    assert caught.value.field == name


@pytest.mark.parametrize("values", KEYS)
def test_the_key_is_plain(values: list[str]) -> None:
    """An uploadId is 1 to 128 of A-Z a-z 0-9 _ - and comes once."""
    with pytest.raises(InvalidField, match="uploadId"):
        put({**PART, "uploadId": values})


@pytest.mark.parametrize("values", [[""], ["xyz"], [SHA[:-1]], [SHA, SHA], [SHA + " "]])
def test_the_checksum_is_a_sha256(values: list[str]) -> None:
    """A checksum that is no SHA-256 in hex is refused before the chunk is read."""
    with pytest.raises(InvalidField, match="checksum"):
        put({**PART, "checksum": values})


@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        pytest.param(
            {"totalChunks": ["0"]}, "totalChunks cannot be used: expected a whole number from 1", id="no chunk"
        ),
        pytest.param({"totalChunks": ["1000000000"]}, "from 1 to 100000, got", id="10^9 chunks"),
        pytest.param({"totalChunks": ["100001"]}, "from 1 to 100000, got", id="one chunk too many"),
        pytest.param({"chunkIndex": ["4"]}, "chunkIndex cannot be used: expected 0 to 3, got '4'", id="index = total"),
        pytest.param({"chunkIndex": ["100000"]}, "chunkIndex cannot be used", id="index beyond any total"),
        pytest.param({"chunkSize": ["0"]}, "chunkSize cannot be used: expected at least 1", id="chunks of no bytes"),
    ],
)
def test_numbers_have_bounds(form: dict[str, list[str]], complaint: str) -> None:
    """Counts and indexes outside of their range are refused with the range."""
    with pytest.raises(InvalidField, match=complaint):
        put({**PART, **form})


@pytest.mark.parametrize(
    ("form", "limit"),
    [
        ({"chunkSize": [str(64 * MIB + 1)]}, 64 * MIB),
        ({"fileSize": [str(50 * MIB + 1)]}, 50 * MIB),
        ({"fileSize": [str(2**63 - 1)]}, 50 * MIB),
    ],
)
def test_sizes_over_the_limit_are_too_large(form: dict[str, list[str]], limit: int) -> None:
    """A chunk over 64 MiB and a file over the profile's limit are 413 before a byte is stored."""
    with pytest.raises(TooLarge) as caught:
        put({**PART, **form})
    assert caught.value.limit == limit


@pytest.mark.parametrize(
    ("total", "size", "length", "fits"),
    [
        pytest.param(4, MIB, 4 * MIB, True, id="four full chunks"),
        pytest.param(4, MIB, 3 * MIB + 1, True, id="a last chunk of one byte"),
        pytest.param(4, MIB, 3 * MIB, False, id="a last chunk of none"),
        pytest.param(4, MIB, 4 * MIB + 1, False, id="a byte too many"),
        pytest.param(1, MIB, 5, True, id="one small chunk"),
        pytest.param(1, 4, 5, False, id="one chunk that is too small"),
        pytest.param(1, MIB, 0, True, id="an empty file is judged by the profile"),
        pytest.param(100_000, 1, 1, False, id="chunks without a byte each"),
    ],
)
def test_sizes_and_counts_agree(total: int, size: int, length: int, fits: bool) -> None:
    """chunkSize, totalChunks and fileSize describe one file, or the request is refused with the right count."""
    form = {**PART, "totalChunks": [str(total)], "chunkSize": [str(size)], "fileSize": [str(length)]}
    if fits:
        assert put(form).length == length
        return
    with pytest.raises(InvalidField, match=r"totalChunks cannot be used: expected \d+, for"):
        put(form)


@given(st.dictionaries(st.sampled_from(sorted(FULL)), st.lists(st.text(), max_size=2)))
def test_any_form_is_a_part_or_refused(changes: dict[str, list[str]]) -> None:
    """G-07: random fields give a command or an error below 500."""
    status = 200
    try:
        put({**FULL, **changes})
    except TusvideoError as error:
        status = chunk_api.render_error(error).status
    assert status < 500


def ask(*query: tuple[str, str]) -> RequestHead:
    """A question about an upload."""
    return head("HEAD", query=query)


def test_questions_name_the_upload() -> None:
    """HEAD, GET and DELETE take the uploadId from the query; other parameters are ignored."""
    request = ask(("uploadId", "holiday-1"), ("t", "1"))
    assert chunk_api.parse_query(request, profile=POSTER) == QueryParts(
        profile="poster", client_key=ClientKey("holiday-1")
    )
    assert chunk_api.parse_terminate(request, profile=POSTER) == TerminateParts(
        profile="poster", client_key=ClientKey("holiday-1")
    )


def test_questions_about_nothing_are_refused() -> None:
    """Without an uploadId nobody knows what is meant."""
    for parse in (chunk_api.parse_query, chunk_api.parse_terminate):
        with pytest.raises(MissingField, match="uploadId is missing"):
            parse(ask(), profile=POSTER)


@pytest.mark.parametrize("values", KEYS)
def test_questions_have_a_plain_key(values: list[str]) -> None:
    """An uploadId in the query is as plain as one in a form."""
    request = ask(*(("uploadId", value) for value in values))
    for parse in (chunk_api.parse_query, chunk_api.parse_terminate):
        with pytest.raises(InvalidField, match="uploadId"):
            parse(request, profile=POSTER)


def test_finalize_takes_a_form() -> None:
    """The three fields make a command; the checksum of the whole is optional."""
    expected = Finalize(profile="poster", client_key=ClientKey("holiday-1"), filename="holiday.mp4", total_parts=4)
    assert finalize(FINAL) == expected
    assert finalize({**FINAL, "checksum": [SHA.upper()]}).checksum == SHA


@pytest.mark.parametrize("name", FINAL)
def test_finalize_names_what_is_missing(name: str) -> None:
    """A missing field is named, in a form and in JSON, where null is as if absent."""
    with pytest.raises(MissingField, match=f"{name} is missing"):
        finalize({key: values for key, values in FINAL.items() if key != name})
    with pytest.raises(MissingField, match=f"{name} is missing"):
        finalize_json({**{key: values[0] for key, values in FINAL.items()}, name: None})


@pytest.mark.parametrize("values", [*NUMBERS, ["0"], ["100001"]])
def test_finalize_counts_chunks(values: list[str]) -> None:
    """totalChunks is a number from 1 to the limit."""
    with pytest.raises(InvalidField, match="totalChunks"):
        finalize({**FINAL, "totalChunks": values})


@pytest.mark.parametrize(
    "values", [[""], ["../x"], ["/etc/passwd"], ["a\x00"], ["a\r\nb"], ["x" * 4_096], ["a", "b"], [".."]]
)
def test_finalize_refuses_paths(values: list[str]) -> None:
    """A hostile filename is refused with a sentence that helps."""
    with pytest.raises(InvalidField, match="filename"):
        finalize({**FINAL, "filename": values})


@pytest.mark.parametrize("name", ["\u202egpj.mp4", "ф (1).mp4", "a" * 255])
def test_finalize_keeps_names_as_data(name: str) -> None:
    """Any plain name is kept; the stored one is chosen by the profile."""
    assert finalize({**FINAL, "filename": [name]}).filename == name


@pytest.mark.parametrize("total", [4, "4"])
def test_finalize_takes_json(total: object) -> None:
    """JSON with a number, or with a number in a string, is the same command."""
    document = {"uploadId": "holiday-1", "filename": "holiday.mp4", "totalChunks": total, "checksum": None, "x": [1]}
    assert finalize_json(document) == finalize(FINAL)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("uploadId", 5),
        ("uploadId", ["a"]),
        ("filename", 5),
        ("filename", {"a": "b"}),
        ("filename", True),
        ("totalChunks", True),
        ("totalChunks", 4.0),
        ("totalChunks", [4]),
        ("totalChunks", -4),
        ("totalChunks", 10**9),
        ("totalChunks", 10**18),
        ("checksum", 5),
        ("checksum", ""),
    ],
)
def test_finalize_refuses_other_types(name: str, value: object) -> None:
    """A value of the wrong type is refused under its name."""
    with pytest.raises(InvalidField) as caught:
        finalize_json({"uploadId": "a", "filename": "a.mp4", "totalChunks": 4, name: value})
    assert caught.value.field == name


def test_the_record_that_is_replaced() -> None:
    """A chunk may name it, and finalize may, as a form and as JSON; null is as if absent."""
    assert put({**PART, "replaces": ["a" * 32]}).replaces == "a" * 32
    assert finalize({**FINAL, "replaces": ["a" * 32]}).replaces == "a" * 32
    document = {"uploadId": "holiday-1", "filename": "holiday.mp4", "totalChunks": 4}
    for value in ("a" * 32, None):
        told = chunk_api.parse_finalize_json({**document, "replaces": value}, profile=POSTER, limits=LIMITS)
        assert told.replaces == value


@pytest.mark.parametrize("values", [[""], ["A" * 32], ["../x"], ["a" * 32, "a" * 32]])
def test_what_names_no_record_is_refused(values: list[str]) -> None:
    """Before the chunk is read."""
    with pytest.raises(InvalidField, match="replaces"):
        put({**PART, "replaces": values})
