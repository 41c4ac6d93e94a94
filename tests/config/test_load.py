"""Where settings come from, and how mistakes in them are told."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path

import pytest

from tusvideo.config import FLAGS, Address, Config, load_config
from tusvideo.config.settings import MIB
from tusvideo.errors import ConfigError


def written(folder: Path, text: str) -> Path:
    """Write a configuration file."""
    file = folder / "tusvideo.toml"
    file.write_text(text, "utf-8")
    return file


def mistakes(
    *, file: Path | None = None, flags: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Load what must be refused, and give every mistake."""
    with pytest.raises(ConfigError) as caught:
        load_config(file=file, flags=flags, environ=environ or {})
    return caught.value.mistakes


def the_mistake(
    *, file: Path | None = None, flags: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None
) -> str:
    """Load what must be refused for one mistake, and give it."""
    (only,) = mistakes(file=file, flags=flags, environ=environ)
    return only


def test_nothing_said_gives_the_defaults() -> None:
    """Without a file, variables and flags every option has its default."""
    assert load_config(environ={}) == Config()


@pytest.mark.parametrize(
    ("toml", "environ", "flags", "port"),
    [
        pytest.param(None, None, None, 8080, id="default"),
        pytest.param("1", None, None, 1, id="file over default"),
        pytest.param("1", "2", None, 2, id="environment over file"),
        pytest.param(None, "2", None, 2, id="environment over default"),
        pytest.param("1", "2", "3", 3, id="flag over all"),
        pytest.param("1", None, "3", 3, id="flag over file"),
    ],
)
def test_flags_win_over_environment_over_file_over_defaults(
    tmp_path: Path, toml: str | None, environ: str | None, flags: str | None, port: int
) -> None:
    """Defaults < TOML < environment < flags, option by option."""
    file = written(tmp_path, f'[server]\nlisten = "127.0.0.1:{toml}"\n[log]\nlevel = "error"') if toml else None
    config = load_config(
        file=file,
        environ={"TUSVIDEO_SERVER_LISTEN": f"127.0.0.1:{environ}"} if environ else {},
        flags={"--listen": f"127.0.0.1:{flags}"} if flags else {},
    )
    assert config.server.listen.port == port
    assert config.log.level == ("error" if toml else "info")


def test_the_environment_is_that_of_the_process_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the process count."""
    monkeypatch.setenv("TUSVIDEO_LIMITS_STALL_SECONDS", "12.5")
    assert load_config().limits.stall_seconds == 12.5


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("TUSVIDEO_SERVER_LISTEN", "[::1]:0", Address("::1", 0)),
        ("TUSVIDEO_SERVER_LISTEN", "localhost:65535", Address("localhost", 65535)),
        ("TUSVIDEO_SERVER_INSECURE_ANONYMOUS", "true", True),
        ("TUSVIDEO_SERVER_INSECURE_ANONYMOUS", "False", False),
        ("TUSVIDEO_SERVER_ALLOWED_HOSTS", "Uploads.Example.org, b", ("uploads.example.org", "b")),
        ("TUSVIDEO_SERVER_ALLOWED_HOSTS", "", ()),
        (
            "TUSVIDEO_SERVER_ALLOWED_ORIGINS",
            "https://WWW.example.org:443,http://a:8000,https://[::1]:444",
            ("https://www.example.org", "http://a:8000", "https://[::1]:444"),
        ),
        (
            "TUSVIDEO_SERVER_TRUSTED_PROXIES",
            "127.0.0.1,10.0.0.0/8,::1",
            tuple(ipaddress.ip_network(n) for n in ("127.0.0.1", "10.0.0.0/8", "::1")),
        ),
        ("TUSVIDEO_SERVER_STOP_SECONDS", "2.5", 2.5),
        ("TUSVIDEO_STORAGE_DATA_DIR", "/srv/tus video", Path("/srv/tus video")),
        ("TUSVIDEO_STORAGE_DATABASE", "/srv/db", Path("/srv/db")),
        ("TUSVIDEO_STORAGE_DATABASE", "", None),
        ("TUSVIDEO_STORAGE_DISK_THREADS", " 4 ", 4),
        ("TUSVIDEO_LOG_FORMAT", "json", "json"),
        ("TUSVIDEO_LIMITS_MAX_CHUNK_SIZE", "16 MiB", 16 * MIB),
        ("TUSVIDEO_LIMITS_MAX_CHUNK_SIZE", "16MiB", 16 * MIB),
        ("TUSVIDEO_LIMITS_MAX_CHUNK_SIZE", "4096", 4096),
        ("TUSVIDEO_LIMITS_MIN_FREE_BYTES", "0", 0),
    ],
)
def test_values_are_read_from_text(variable: str, text: str, value: object) -> None:
    """Text of the environment becomes what TOML would have said; lists are comma-separated."""
    config = load_config(environ={variable: text})
    section, _, name = variable.removeprefix("TUSVIDEO_").lower().partition("_")
    assert getattr(getattr(config, section), name) == value


def test_header_bytes_are_set_among_the_limits() -> None:
    """max_header_bytes is an option of [limits]."""
    assert load_config(environ={"TUSVIDEO_LIMITS_MAX_HEADER_BYTES": "8 KiB"}).max_header_bytes == 8192


def test_the_database_lies_in_the_data_directory_unless_set_apart() -> None:
    """The path of the database follows data_dir, or is what database says."""
    environ = {"TUSVIDEO_STORAGE_DATA_DIR": "/a"}
    assert load_config(environ=environ).storage.database_path == Path("/a/tusvideo.db")
    environ["TUSVIDEO_STORAGE_DATABASE"] = "/b/c.db"
    assert load_config(environ=environ).storage.database_path == Path("/b/c.db")


@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_sets_its_option(flag: str) -> None:
    """A flag sets one option and names itself in a mistake."""
    good = {
        "--listen": ("127.0.0.2:9", Address("127.0.0.2", 9)),
        "--insecure-anonymous": ("true", True),
        "--data-dir": ("x", Path("x")),
        "--log-level": ("debug", "debug"),
        "--log-format": ("json", "json"),
    }
    text, value = good[flag]
    section, name = FLAGS[flag]
    assert getattr(getattr(load_config(environ={}, flags={flag: text}), section), name) == value
    assert the_mistake(flags={flag: "\0"}).startswith(f"{flag}: expected ")


BAD_VALUES = [
    *(
        ("server", "listen", text)
        for text in (
            '"8080"',
            '":8080"',
            '"127.0.0.1"',
            '"127.0.0.1:"',
            '"127.0.0.1:65536"',
            '"127.0.0.1:-1"',
            '"a b:1"',
            '"::1:8080"',
            '"[127.0.0.1]:80"',
            '"[::1]"',
            '"[::1:80"',
            '"[zz]:80"',
            '"localhost:８０"',
            "8080",
            "true",
            '"-a:1"',
            '"a..b:1"',
        )
    ),
    *(("server", "insecure_anonymous", text) for text in ('"true"', "1", "[]")),
    *(
        ("server", "allowed_hosts", text)
        for text in ('"a"', '["a:80"]', '["https://a"]', '[""]', "[1]", '["a b"]', '["*"]', '["a/b"]')
    ),
    *(
        ("server", "allowed_origins", text)
        for text in (
            '["*"]',
            '["null"]',
            '["a"]',
            '["https://a/"]',
            '["https://a/b"]',
            '["https://u@a"]',
            '["https://a:x"]',
            '["https://a?b"]',
            '["https://"]',
            '["ftp://a"]',
            '["https://a#"]',
            '["https://[::1"]',
            "[7]",
        )
    ),
    *(("server", "trusted_proxies", text) for text in ('["10.0.0.1/8"]', '["a"]', '["10.0.0.0/33"]', '[""]', "[1]")),
    *(("server", "stop_seconds", text) for text in ("-1", "9.5", "nan", "inf", '"8"', "true")),
    *(("storage", "data_dir", text) for text in ('""', "1", r'"a\u0000b"')),
    *(("storage", "database", text) for text in ("1", "false")),
    *(("storage", "disk_threads", text) for text in ("0", "65", "1.5", "true", '"8"')),
    *(("storage", "sweep_seconds", text) for text in ("0", "1e9", "[]")),
    *(("log", "level", text) for text in ('"INFO"', '"loud"', '""', "1")),
    *(("log", "format", text) for text in ('"xml"', "[]")),
    *(
        ("limits", "max_chunk_size", text)
        for text in ('"1 MB"', '"65 MiB"', '"-1 MiB"', '"1.5 MiB"', '"MiB"', "1023", "true", "1.0", "1979-05-27")
    ),
    *(("limits", "max_chunks", text) for text in ("0", "100_001", "1.0")),
    *(("limits", "expiry_seconds", text) for text in ("0", "1.5", "99999999999", '"7 days"')),
]


@pytest.mark.parametrize(("section", "name", "text"), BAD_VALUES)
def test_a_bad_value_is_told_with_file_section_and_key(tmp_path: Path, section: str, name: str, text: str) -> None:
    """A value of the wrong kind or out of range is one mistake that names its place and what was expected."""
    file = written(tmp_path, f"[{section}]\n{name} = {text}\n")
    mistake = the_mistake(file=file)
    assert mistake.startswith(f"{file}: [{section}] {name}: expected ")
    assert "; got '" in mistake


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("TUSVIDEO_SERVER_INSECURE_ANONYMOUS", "yes please"),
        ("TUSVIDEO_SERVER_INSECURE_ANONYMOUS", ""),
        ("TUSVIDEO_STORAGE_DISK_THREADS", "eight"),
        ("TUSVIDEO_STORAGE_DISK_THREADS", "1.5"),
        ("TUSVIDEO_STORAGE_DISK_THREADS", "9" * 100),
        ("TUSVIDEO_LIMITS_STALL_SECONDS", "nan"),
        ("TUSVIDEO_LIMITS_STALL_SECONDS", "1e1"),
        ("TUSVIDEO_SERVER_TRUSTED_PROXIES", "127.0.0.1,,::1"),
        ("TUSVIDEO_STORAGE_DATA_DIR", ""),
    ],
)
def test_a_bad_variable_is_told_by_name(variable: str, text: str) -> None:
    """A variable that cannot be used is one mistake with its name and its text."""
    mistake = the_mistake(environ={variable: text})
    assert mistake.startswith(f"{variable}: expected ")


@pytest.mark.parametrize(
    ("text", "place", "suggestion"),
    [
        ("[servr]\nlisten = ''", "'servr'", "[server]"),
        ("[profile.x]", "'profile'", "[profiles]"),
        ("listen = ''", "'listen'", "listen in [server]"),
        ("[server]\nlisen = ''", "[server]: expected an option of it, got 'lisen'", "listen"),
        ("[server]\nstall_seconds = 1", "got 'stall_seconds'", "stall_seconds in [limits]"),
        ("[limits]\nmax_chunk = 1", "got 'max_chunk'", "max_chunks"),
        (
            "[profiles.poster]\nmaxlength = 1",
            "[profiles.poster]: expected an option of it, got 'maxlength'",
            "max_length",
        ),
    ],
)
def test_an_unknown_key_is_told_with_a_suggestion(tmp_path: Path, text: str, place: str, suggestion: str) -> None:
    """An unknown section or option is a mistake, and the nearest known one is named."""
    mistake = the_mistake(file=written(tmp_path, text))
    assert place in mistake
    assert mistake.endswith(f"; did you mean {suggestion}?")


@pytest.mark.parametrize(
    ("text", "place", "there_are"),
    [
        ("[log]\nqqq = 1", "[log]: expected an option of it, got 'qqq'", "level, format"),
        ("[profiles.video]\nqqq = 1", "[profiles.video]: expected an option of it, got 'qqq'", "directory, types"),
    ],
)
def test_an_unknown_key_that_is_near_to_none_is_told_with_all(
    tmp_path: Path, text: str, place: str, there_are: str
) -> None:
    """When nothing is similar the options of the section are listed."""
    mistake = the_mistake(file=written(tmp_path, text))
    assert place in mistake
    assert f"; there are {there_are}" in mistake


@pytest.mark.parametrize("text", ["server = 1", "server = [1]", "profiles = 1", "[profiles]\nposter = 1", "qqq = 1"])
def test_a_value_where_a_section_belongs_is_a_mistake(tmp_path: Path, text: str) -> None:
    """Sections are tables."""
    assert "expected a section" in the_mistake(file=written(tmp_path, text)).replace("sections", "a section")


@pytest.mark.parametrize(
    ("variable", "suggestion"),
    [
        ("TUSVIDEO_SERVER_LISEN", "TUSVIDEO_SERVER_LISTEN"),
        ("TUSVIDEO_LISTEN", "TUSVIDEO_SERVER_LISTEN"),
        ("TUSVIDEO_DATA_DIR", "TUSVIDEO_STORAGE_DATA_DIR"),
    ],
)
def test_a_misspelt_variable_is_told_with_a_suggestion(variable: str, suggestion: str) -> None:
    """A variable that looks like an option and is none is a mistake."""
    assert the_mistake(environ={variable: "x"}) == (
        f"environment: expected the name of an option, got '{variable}'; did you mean {suggestion}?"
    )


def test_profiles_in_the_environment_are_refused() -> None:
    """Profiles are set in the file only, and a variable that tries says so."""
    assert "configuration file" in the_mistake(environ={"TUSVIDEO_PROFILES_POSTER_PUBLIC": "false"})


@pytest.mark.parametrize(
    "variable", ["TUSVIDEO_TOKEN", "TUSVIDEO_TO", "TUSVIDEO_STATE_DIR", "TUSVIDEOS_SERVER_LISTEN", "PATH", "TUSVIDEO_"]
)
def test_variables_of_others_are_left_alone(variable: str) -> None:
    """Variables that are no option and look like none belong to somebody else."""
    assert load_config(environ={variable: "x"}) == Config()


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """File, environment and flags are read to the end; every mistake is in the one error, also of values overridden."""
    file = written(tmp_path, '[server]\nlisten = "x"\nfoo = 1\n[limits]\nmax_chunks = 0\n[profiles.X]\n')
    found = mistakes(
        file=file,
        environ={"TUSVIDEO_LOG_LEVEL": "loud", "TUSVIDEO_SERVER_LISTN": "x"},
        flags={"--log-format": "xml", "--listen": "0.0.0.0:80"},
    )
    starts = [
        f"{file}: [server] listen: ",
        f"{file}: [server]: expected an option of it, got 'foo'",
        f"{file}: [limits] max_chunks: ",
        f"{file}: [profiles]: ",
        "TUSVIDEO_LOG_LEVEL: ",
        "environment: expected the name of an option, got 'TUSVIDEO_SERVER_LISTN'",
        "--log-format: ",
        "--listen: expected a loopback address",
    ]
    assert len(found) == len(starts)
    assert all(any(line.startswith(start) for line in found) for start in starts)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[server\n", "line 1"),
        (b"a = 1\na = 2\n", "line 2"),
        (b"\xff\xfe", "UTF-8"),
        (None, "nothing under this name"),
    ],
)
def test_a_file_that_is_no_toml_is_one_mistake(tmp_path: Path, content: bytes | None, said: str) -> None:
    """A file that cannot be read or understood is told with its path, and the rest is checked all the same."""
    file = tmp_path / "c.toml"
    if content is not None:
        file.write_bytes(content)
    first, second = mistakes(file=file, flags={"--log-level": "x"})
    assert first.startswith(f"{file}: expected ")
    assert said in first
    assert second.startswith("--log-level: ")


def test_a_folder_is_no_configuration_file(tmp_path: Path) -> None:
    """What the system says about the file is told."""
    assert "Is a directory" in the_mistake(file=tmp_path)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "[::1]", "localhost", "LocalHost"])
def test_loopback_needs_no_permission(host: str) -> None:
    """127.0.0.0/8, ::1 and localhost are loopback."""
    assert load_config(environ={}, flags={"--listen": f"{host}:1"}).server.listen.port == 1


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",  # noqa: S104  # the refused one
        "[::]",
        "192.168.1.5",
        "example.org",
        "[fe80::1]",
        "localhost.example.org",
    ],
)
def test_listening_elsewhere_is_refused_unless_said(tmp_path: Path, host: str) -> None:
    """Anything but loopback needs --insecure-anonymous or insecure_anonymous = true, and the refusal says so."""
    flags = {"--listen": f"{host}:80"}
    refusal = the_mistake(flags=flags)
    assert "--insecure-anonymous" in refusal
    assert "conf/nginx.conf" in refusal
    assert not load_config(environ={}, flags=flags | {"--insecure-anonymous": "true"}).server.listen.is_loopback
    file = written(tmp_path, "[server]\ninsecure_anonymous = true")
    assert not load_config(file=file, environ={}, flags=flags).server.listen.is_loopback


def test_foreign_text_in_a_mistake_is_one_printable_line(tmp_path: Path) -> None:
    """Control characters of a value do not reach the terminal."""
    file = written(tmp_path, '[log]\nlevel = "a\\n\\u001b[2J\\u202e"\n"k\\u001b\\n" = 1\n["s\\u001b\\n"]\n')
    for mistake in mistakes(file=file, environ={"TUSVIDEO_SERVER_\x1b[2J": "\r\n"}):
        assert mistake.isprintable()


def test_least_and_most_of_a_request_must_agree(tmp_path: Path) -> None:
    """A least size above the greatest would leave no request that fits; no limit is above every size."""
    text = "[limits]\nmax_append_bytes = 1000\nmin_append_bytes = 1001\n"
    told = the_mistake(file=written(tmp_path, text))
    assert "[limits] min_append_bytes: expected at most 1000 B, as max_append_bytes; got 1001 B" in told
    alone = load_config(file=written(tmp_path, "[limits]\nmin_append_bytes = 1001\n"), environ={}).limits
    assert (alone.max_append_bytes, alone.min_append_bytes) == (0, 1001)
