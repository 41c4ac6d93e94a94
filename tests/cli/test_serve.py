"""The life of a server process: start, readiness, refusal to start, stop."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Refused, Serve, Served

STOPS = [signal.SIGTERM, signal.SIGINT]


def get(served: Served, path: str) -> tuple[int, bytes]:
    """Ask for something on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def created(served: Served, *, length: int) -> str:
    """Make an upload over tus and give its path."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    try:
        connection.request("POST", "/files/", headers={"Tus-Resumable": "1.0.0", "Upload-Length": str(length)})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 201
        return answer.headers["Location"]
    finally:
        connection.close()


def stop(served: Served, number: signal.Signals = signal.SIGTERM) -> float:
    """Stop a server that must end with 0, and give the seconds that it took."""
    begun = time.monotonic()
    served.process.send_signal(number)
    assert served.wait() == 0
    return time.monotonic() - begun


def test_the_line_of_readiness_names_the_port_that_was_free(serve: Serve) -> None:
    """With port 0 the line on stdout tells the real port, and the server answers there when the line is out."""
    served = serve()
    assert served.port > 0
    assert get(served, "/healthz")[0] == 200
    assert get(served, "/readyz")[0] == 200


@pytest.mark.parametrize(
    ("listen", "host"), [("localhost:0", "localhost"), ("[::1]:0", "[::1]"), ("127.0.0.3:0", "127.0.0.3")]
)
def test_every_form_of_loopback_can_be_listened_on(serve: Serve, listen: str, host: str) -> None:
    """A name, IPv6 in brackets, and any address of 127.0.0.0/8."""
    if host == "[::1]" and not has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    served = serve(listen=listen)
    assert served.url.startswith(f"http://{host}:")
    with socket.create_connection((host.strip("[]"), served.port), timeout=10):
        stop(served)


def has_ipv6() -> bool:
    """Tell whether ::1 can be listened on."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_stops_an_idle_server_at_once(serve: Serve, number: signal.Signals) -> None:
    """SIGTERM and SIGINT end the process with 0, quickly when nothing runs, and the log tells start and stop."""
    served = serve()
    assert stop(served, number) < 3
    assert served.process.stdout is not None
    assert served.process.stdout.read() == ""
    told = [line.split(" ")[3] for line in served.log.all()]
    assert told == ["recovery_done", "server_started", "server_stopping", "server_stopped"]
    assert f"signal={number.name}" in served.log.all()[2]


def test_connections_that_stay_open_do_not_hold_a_stop(serve: Serve) -> None:
    """Idle connections, before and after a request, are closed."""
    served = serve()
    with socket.create_connection(("127.0.0.1", served.port), timeout=10):
        kept = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
        kept.request("GET", "/healthz")
        kept.getresponse().read()
        assert stop(served) < 3
        kept.close()


def test_a_stop_waits_for_no_client_longer_than_stop_seconds(serve: Serve, tmp_path: Path) -> None:
    """A request whose client does nothing is given up, and the process ends within stop_seconds and a little."""
    served = serve(TUSVIDEO_SERVER_STOP_SECONDS="2")
    head = (
        "POST /api/poster/video/chunk HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as silent:
        silent.sendall(head.encode())
        get(served, "/healthz")
        assert stop(served) < 4
    assert not list((tmp_path / "data/staging").iterdir())


def test_a_second_signal_ends_the_process_at_once(serve: Serve) -> None:
    """Who does not want to wait for running requests says it twice."""
    served = serve()
    head = (
        "POST /api/poster/video/chunk HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as silent:
        silent.sendall(head.encode())
        get(served, "/healthz")
        served.process.terminate()
        served.log.wait_for("server_stopping")
        served.process.terminate()
        assert served.wait() == -signal.SIGTERM


def test_bytes_that_were_sent_before_a_stop_are_there_after_it(serve: Serve) -> None:
    """SIGTERM during a PATCH: every byte that arrived is stored, and the next server goes on from there."""
    served = serve()
    place = created(served, length=1_000_000)
    head = (
        f"PATCH {place} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        "Content-Type: application/offset+octet-stream\r\nContent-Length: 1000000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sender:
        sender.sendall(head.encode() + b"x" * 300_000)
        wait_for_offset(served, place, 300_000)
        sender.sendall(b"y" * 1)
        assert stop(served) < 5
    again = serve()
    assert wait_for_offset(again, place, 300_000) in {300_000, 300_001}
    stop(again)


def wait_for_offset(served: Served, place: str, least: int) -> int:
    """Ask for the offset until it is there."""
    end = time.monotonic() + 10
    offset = -1
    while offset < least and time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
        connection.request("HEAD", place, headers={"Tus-Resumable": "1.0.0"})
        answer = connection.getresponse()
        assert answer.status == 200
        offset = int(answer.headers["Upload-Offset"])
        connection.close()
    assert offset >= least
    return offset


def test_a_data_directory_serves_one_server(serve: Serve, refused: Refused) -> None:
    """The second server on the same data is refused with a sentence, and the first one goes on."""
    first = serve()
    sentence = refused()
    assert "is used by another server" in sentence
    assert get(first, "/healthz")[0] == 200


def test_a_database_serves_one_server(serve: Serve, refused: Refused, tmp_path: Path) -> None:
    """A second server with other data would take the uploads in the table for damaged; it is refused, and then free."""
    shared = str(tmp_path / "shared.db")
    first = serve(TUSVIDEO_STORAGE_DATABASE=shared)
    (tmp_path / "other/staging").mkdir(parents=True)  # else it is refused already as data that are not the table's
    sentence = refused(data=tmp_path / "other", TUSVIDEO_STORAGE_DATABASE=shared)
    assert sentence.startswith(f"tusvideo: database {shared} is used by another server; ")
    stop(first)
    stop(serve(TUSVIDEO_STORAGE_DATABASE=shared))


def test_a_killed_server_leaves_the_way_free(serve: Serve) -> None:
    """After kill -9 the next server starts on the same data, and looks at it before it listens."""
    first = serve()
    place = created(first, length=10)
    first.process.kill()
    first.wait()
    second = serve()
    assert wait_for_offset(second, place, 0) == 0
    stop(second)
    told = second.log.all()
    assert "recovery_done checked=1 " in told[0]
    assert "server_started" in told[1]


def test_a_taken_port_is_told(serve: Serve, refused: Refused, tmp_path: Path) -> None:
    """Another program on the port: one sentence that names address and way out."""
    taken = socket.create_server(("127.0.0.1", 0))
    with taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        sentence = refused(listen=address)
    assert sentence == (
        f"tusvideo: cannot listen on {address}: another program listens there; stop it, or choose another port with"
        " --listen"
    )
    stop(serve())


@pytest.mark.parametrize(
    ("listen", "reason"),
    [
        ("no-such-host.invalid:0", "no address is known for no-such-host.invalid"),
        ("192.0.2.1:0", "this machine has no such address"),
    ],
)
def test_an_address_that_cannot_be_listened_on_is_told(refused: Refused, listen: str, reason: str) -> None:
    """A name that nobody knows, and an address of somebody else."""
    assert refused("--insecure-anonymous", listen=listen) == f"tusvideo: cannot listen on {listen}: {reason}"


def test_a_damaged_session_table_is_told_and_left_alone(refused: Refused, tmp_path: Path) -> None:
    """A database that is none stops the start; nothing is written over it."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "tusvideo.db").write_bytes(b"this is no database\n" * 500)
    assert "tusvideo.db" in refused()
    assert (data / "tusvideo.db").read_bytes() == b"this is no database\n" * 500


def test_a_data_directory_that_is_a_file_is_told(refused: Refused, tmp_path: Path) -> None:
    """The data directory must be a folder."""
    (tmp_path / "data").write_text("")
    assert f"data directory {tmp_path / 'data'} cannot be used" in refused()


def test_a_database_folder_that_is_not_there_is_told(refused: Refused, tmp_path: Path) -> None:
    """A database set apart needs its folder."""
    assert "no/gone.db cannot be used: No such file" in refused(TUSVIDEO_STORAGE_DATABASE=str(tmp_path / "no/gone.db"))


def test_a_database_that_is_a_folder_is_told(refused: Refused, tmp_path: Path) -> None:
    """Who names the folder of the database hears that a file is expected."""
    sentence = refused(TUSVIDEO_STORAGE_DATABASE=str(tmp_path))
    assert sentence == f"tusvideo: database {tmp_path} cannot be used: expected a file, got a folder; name a file in it"


def test_data_without_their_session_table_are_left_alone(serve: Serve, refused: Refused, tmp_path: Path) -> None:
    """A start that forgot where the session table is changes nothing; the next one that knows goes on."""
    table = str(tmp_path / "elsewhere.db")
    first = serve(TUSVIDEO_STORAGE_DATABASE=table)
    place = created(first, length=9)
    connection = http.client.HTTPConnection("127.0.0.1", first.port, timeout=10)
    head = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    connection.request("PATCH", place, b"bytes", head)
    assert connection.getresponse().status == 204
    connection.close()
    stop(first)
    assert f"got nothing at {tmp_path}/data/tusvideo.db; name it" in refused()
    assert not (tmp_path / "data/tusvideo.db").exists()
    again = serve(TUSVIDEO_STORAGE_DATABASE=table)
    assert wait_for_offset(again, place, 5) == 5
    stop(again)


def test_a_session_table_without_its_data_is_left_alone(serve: Serve, refused: Refused, tmp_path: Path) -> None:
    """A disk that is not mounted makes no upload damaged: the start is refused, and works once the data are there."""
    table = str(tmp_path / "elsewhere.db")
    first = serve(TUSVIDEO_STORAGE_DATABASE=table)
    place = created(first, length=9)
    stop(first)
    (tmp_path / "data").rename(tmp_path / "unmounted")
    (tmp_path / "data").mkdir()
    assert f"got no folder {tmp_path}/data/staging; mount it" in refused(TUSVIDEO_STORAGE_DATABASE=table)
    assert list((tmp_path / "data").iterdir()) == []
    (tmp_path / "data").rmdir()
    (tmp_path / "unmounted").rename(tmp_path / "data")
    again = serve(TUSVIDEO_STORAGE_DATABASE=table)
    assert wait_for_offset(again, place, 0) == 0
    stop(again)


def test_a_server_without_the_c_parser_does_not_start(refused: Refused, tmp_path: Path) -> None:
    """aiohttp falls back to another parser in silence; this server does not."""
    assert "no C parser" in refused(AIOHTTP_NO_EXTENSIONS="1")
    assert not (tmp_path / "data").exists()


def test_listening_for_everybody_is_a_loud_warning(serve: Serve) -> None:
    """With --insecure-anonymous on anything but loopback the log warns at every start."""
    served = serve("--insecure-anonymous", listen="127.1:0")  # to the system a loopback address, not to the check
    assert " WARNING tusvideo.serving insecure_anonymous listen=127.1:" in served.log.wait_for("insecure_anonymous")


def test_permission_without_use_is_no_warning(serve: Serve) -> None:
    """On loopback the flag changes nothing."""
    served = serve("--insecure-anonymous")
    stop(served)
    assert not [line for line in served.log.all() if "insecure" in line]


def test_the_log_can_be_json(serve: Serve) -> None:
    """With --log-format json every line on stderr is one JSON object."""
    served = serve("--log-format", "json")
    get(served, "/healthz")
    get(served, "/%1b[2J%0d%0a")
    stop(served)
    events = [json.loads(line) for line in served.log.all()]
    assert {"at", "level", "logger", "event"} <= set.intersection(*(set(told) for told in events))
    assert "request" in {told["event"] for told in events}


def test_each_request_is_one_line_with_the_facts(serve: Serve) -> None:
    """The log has a line per request: id, method, kind of route, status, bytes, duration; no text of a client."""
    served = serve()
    get(served, "/no%0asuch-secret")
    stop(served)
    (line,) = [line for line in served.log.all() if " tusvideo.web request " in line]
    for key in ("request_id", "method", "route", "status", "bytes", "duration_ms"):
        assert re.search(rf" {key}=\S", line), f"expected {key} in {line}"
    assert "secret" not in line


def test_the_log_tells_why_nothing_could_be_stored(serve: Serve, tmp_path: Path) -> None:
    """The client hears 503 and no path; the log has the words of the system and the folder, not the client's name."""
    served = serve()
    (tmp_path / "data/uploads/files").write_text("in the way")
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("PUT", "/files/secret.bin", b"abc")
    answer = connection.getresponse()
    assert answer.status == 503
    assert str(tmp_path) not in answer.read().decode()
    connection.close()
    stop(served)
    (line,) = [line for line in served.log.all() if " storage_failed " in line]
    assert line.endswith(f'cause="FileExistsError: File exists in {tmp_path}/data/uploads"')
    assert f"request_id={answer.headers['X-Request-ID']}" in line
    assert "secret" not in "".join(served.log.all())


def test_the_configuration_of_the_file_is_used(serve: Serve, tmp_path: Path) -> None:
    """What the file says about data and log holds."""
    file = tmp_path / "c.toml"
    file.write_text(f'[log]\nlevel = "error"\n[storage]\ndatabase = "{tmp_path}/elsewhere.db"\n')
    served = serve("--config", str(file))
    stop(served)
    assert served.log.all() == []
    assert (tmp_path / "elsewhere.db").exists()
    assert not (tmp_path / "data/tusvideo.db").exists()


def test_expired_uploads_are_removed_while_the_server_runs(serve: Serve) -> None:
    """Every sweep_seconds what stayed unfinished for too long goes, and the log tells."""
    served = serve(TUSVIDEO_LIMITS_EXPIRY_SECONDS="1", TUSVIDEO_STORAGE_SWEEP_SECONDS="0.1")
    place = created(served, length=10)
    assert place.rpartition("/")[2] in served.log.wait_for("upload_expired")
    assert " expired=1 " in served.log.wait_for("sweep_done")


HANGING = """
import sys, time, asyncio
from pathlib import Path
from tusvideo import serving
from tusvideo.config import load_config
from tusvideo.stores.disk import DiskStore

async def never(self):
    await asyncio.to_thread(time.sleep, 60)

DiskStore.close = never
serving.FORCED_STOP_SECONDS = 0.2
sys.exit(serving.run(load_config(flags={"--listen": "127.0.0.1:0", "--data-dir": sys.argv[1]})))
"""


def test_a_stop_that_hangs_is_cut_short(tmp_path: Path) -> None:
    """A disk that does not answer cannot hold the process: after FORCED_STOP_SECONDS it ends with 1, and says so."""
    command = [sys.executable, "-c", HANGING, str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("listening on ")
            process.terminate()
            _, log = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 1
    assert " ERROR tusvideo.serving stop_forced " in log
