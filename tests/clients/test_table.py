"""What common clients depend on (J-01 to J-30), each with the tests that hold the server to it.

A row that has no test, or names one that is gone, fails here.
"""

import ast
from pathlib import Path

import pytest

ROWS = {
    "J-01": (
        "tus-js-client: Location on any 2xx, relative is fine",
        "test_tus_js::test_one_upload_is_one_post_and_one_patch",
    ),
    "J-02": (
        "in browsers: readable Location, Upload-Offset, Upload-Length",
        "test_uppy::test_uploads_from_another_origin",
    ),
    "J-03": (
        "HEAD: Upload-Length or Upload-Defer-Length",
        "test_wire_forms::test_a_question_tells_the_length_or_that_there_is_none",
    ),
    "J-04": ("HEAD with the offset at the length is success", "test_tus_js::test_last_answer_is_lost"),
    "J-05": (
        "PATCH: Upload-Offset, never beyond the length",
        "test_wire_forms::test_mobile_clients_compare_the_offset",
    ),
    "J-06": (
        "retries 5xx, 409, 423 and lost connections only",
        "test_tus_js::test_somebody_else_appends_in_between",
        "test_tus_js::test_refusal_for_good_is_not_retried",
        "test_tus_js::test_server_is_killed_and_comes_back",
    ),
    "J-07": ("empty file: POST and nothing else", "test_tus_js::test_empty_file_is_finished_by_its_post"),
    "J-08": ("deferred length may come without a byte", "test_tus_js::test_deferred_length_comes_with_no_byte"),
    "J-09": (
        "tus-js-client: parts, and a final upload from the URLs it was given",
        "test_parallel::test_parts_are_cut_and_resumed",
        "test_tus_js::test_parallel_uploads_become_one_file",
    ),
    "J-10": (
        "HEAD is 200 or 423, else all progress is thrown away",
        "test_tus_js::test_server_is_killed_and_comes_back",
    ),
    "J-11": ("POST with X-HTTP-Method-Override: PATCH", "test_tus_js::test_upload_is_cut_and_resumed"),
    "J-12": (
        "X-Request-ID: allowed, logged, echoed",
        "test_tus_js::test_request_ids_come_back",
        "test_uppy::test_uploads_from_another_origin",
    ),
    "J-13": ("abort(true): DELETE right after a cut", "test_tus_js::test_abort_with_termination_removes_the_upload"),
    "J-14": ("one PATCH for all of the rest", "test_tus_js::test_one_upload_is_one_post_and_one_patch"),
    "J-15": (
        "stored URLs of uploads that are gone",
        "test_tus_js::test_stored_url_that_is_gone_is_forgotten",
        "test_wire_forms::test_an_upload_that_is_not_there_is_404",
    ),
    "J-16": ("data in the POST, Upload-Offset in its answer", "test_tus_js::test_upload_is_cut_and_resumed"),
    "J-17": ("Uppy: 20 files at once and no 429", "test_uppy::test_many_files_at_once"),
    "J-18": ("Uppy: status and text of a refusal reach the app", "test_uppy::test_refusal_reaches_the_app"),
    "J-19": (
        "Uppy: name and filename, type and filetype, null as text",
        "test_uppy::test_uploads_from_another_origin",
    ),
    "J-20": ("Golden Retriever: back after a reload or days later", "test_uppy::test_page_is_loaded_again"),
    "J-21": ("tuspy: empty Upload-Metadata", "test_tuspy::test_uploads"),
    "J-22": (
        "tuspy: Upload-Offset is read from errors too",
        "test_wire_forms::test_a_failed_question_tells_no_offset",
    ),
    "J-23": (
        "tuspy: stored URL that is gone; names in lower case",
        "test_tuspy::test_stored_url_that_is_gone_is_an_error_to_the_program",
    ),
    "J-24": ("tuspy: sha1 of every chunk in Upload-Checksum", "test_tuspy::test_checksums_through_cuts"),
    "J-25": (
        "tuspy: a stream ends with an empty PATCH",
        "test_wire_forms::test_tuspy_ends_a_stream_with_an_empty_patch",
    ),
    "J-26": (
        "TUSKit, tus-android: the exact offset after PATCH",
        "test_wire_forms::test_mobile_clients_compare_the_offset",
    ),
    "J-27": (
        "TUSKit in the background: a PATCH that comes late",
        "test_wire_forms::test_a_patch_that_the_system_delivers_late_is_harmless",
    ),
    "J-28": (
        "tus-java: no redirects, 404 begins anew, 410 is final",
        "test_wire_forms::test_an_upload_that_is_not_there_is_404",
        "test_wire_forms::test_creation_is_never_redirected",
    ),
    "J-29": ("scripts: never an OPTIONS first", "test_curl::test_script_goes_on_after_cuts"),
    "J-30": ("Upload-Expires is told, though nobody reads it", "test_tus_js::test_expiry_is_told"),
}


def test_every_row_is_there() -> None:
    """The rows are J-01 to J-30."""
    assert sorted(ROWS) == [f"J-{number:02}" for number in range(1, 31)]


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_its_tests(row: str) -> None:
    """The tests that a row names are there."""
    _, *named = ROWS[row]
    assert named
    for name in named:
        module, _, test = name.partition("::")
        tree = ast.parse(Path(__file__).with_name(f"{module}.py").read_text())
        assert test in {node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)}
