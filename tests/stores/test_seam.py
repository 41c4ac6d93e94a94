"""One module makes the file-system calls for uploads, so that they can be recorded, failed and replayed."""

import ast
from pathlib import Path

import pytest

TUSVIDEO = Path(__file__).parents[2] / "tusvideo"

MODULES = sorted(
    path
    for name in ("stores", "service", "rules", "protocol", "web")
    for place in (TUSVIDEO / name, TUSVIDEO / f"{name}.py")
    for path in (place.rglob("*.py") if place.is_dir() else [place] if place.is_file() else [])
    if path != TUSVIDEO / "stores" / "files.py"
)

# One string each: a list of ninety names is easier to read as text.
OS_FILE_CALLS = frozenset(
    """
    access chdir chmod chown close closerange copy_file_range dup dup2 fchmod fchown fdatasync fdopen fstat fsync
    ftruncate fwalk lchown link listdir lseek lstat makedirs mkdir mkfifo mknod open path posix_fallocate pread preadv
    pwrite pwritev read readlink readv remove removedirs removexattr rename renames replace rmdir scandir sendfile
    setxattr splice stat statvfs symlink sync truncate unlink utime walk write writev
    """.split()  # noqa: SIM905  # as the comment says
)
PATH_CALLS = frozenset(
    """
    chmod exists glob hardlink_to is_dir is_file is_symlink iterdir lchmod lstat mkdir open read_bytes read_text
    readlink rename resolve rglob rmdir samefile stat symlink_to touch unlink walk write_bytes write_text
    """.split()  # noqa: SIM905  # as above
)
FILE_MODULES = frozenset({"aiofiles", "fcntl", "fileinput", "mmap", "shutil", "tempfile"})


def offences(source: str, *, are_paths_judged: bool) -> list[str]:
    """Find the calls by which a module would go to the file system itself."""
    nodes = list(ast.walk(ast.parse(source)))
    imports = [name for node in nodes for name in imported(node)]
    system = {local for name, local in imports if name == "os"}
    found = [name for name, _ in imports if name.partition(".")[0] in FILE_MODULES or is_file_call(name)]
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="open")):
                found.append("open()")
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if is_file_call(
                f"{'os' if owner in system else owner}.{name}"
            ):
                found.append(f"{owner}.{name}")
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in PATH_CALLS:
                if are_paths_judged and not is_seam(value):
                    found.append(f".{name}()")
            case _:
                pass
    return found


def imported(node: ast.AST) -> list[tuple[str, str]]:
    """Tell what an import brings, in full, and what it is called here."""
    match node:
        case ast.Import(names=names):
            return [(name.name, name.asname or name.name) for name in names]
        case ast.ImportFrom(module=str(module), names=names):
            return [(f"{module}.{name.name}", name.asname or name.name) for name in names]
        case _:
            return []


def is_file_call(name: str) -> bool:
    """Tell whether a full name is a function of the standard library that goes to the file system."""
    module, _, function = name.partition(".")
    return (module == "os" and function.partition(".")[0] in OS_FILE_CALLS) or name in {"io.open", "io.FileIO"}


def is_seam(owner: ast.expr) -> bool:
    """Tell whether a method belongs to the seam, to the threads that call it or to a store, rather than to a path."""
    match owner:
        case ast.Name(id="files" | "workers") | ast.Attribute(attr="_workers" | "_beginnings"):
            return True
        case _:
            return False


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TUSVIDEO)))
def test_nobody_else_touches_files(path: Path) -> None:
    """No module of stores but files, and none of service, rules, protocol and web, calls the file system."""
    # Paths are judged where uploads are handled; the web may read the files of its own page.
    judged = "web" not in path.relative_to(TUSVIDEO).parts[0]
    assert offences(path.read_text(), are_paths_judged=judged) == []


def test_the_stores_are_looked_at() -> None:
    """The modules that could do it are among those that are judged."""
    assert {"disk.py", "publication.py", "workers.py"} <= {path.name for path in MODULES}


@pytest.mark.parametrize(
    "source",
    [
        "open('x')",
        "import io\nio.open('x')",
        "import os\nos.pwrite(1, b'', 0)",
        "import os as system\nsystem.unlink('x')",
        "import os\nx = os.path.exists",
        "from os import fsync",
        "import shutil",
        "from aiofiles import os",
        "import aiofiles.os",
        "from pathlib import Path\nPath('x').read_bytes()",
        "def f(p):\n    return p.unlink()",
    ],
)
def test_the_rule_notices(source: str) -> None:
    """Each way to the file system that we can think of is noticed."""
    assert offences(source, are_paths_judged=True)


@pytest.mark.parametrize("source", ["import os\nos.environ", "files.unlink(path)", "self._workers.open(files.link)"])
def test_the_rule_is_just(source: str) -> None:
    """What goes through the seam, or is no file, is let be."""
    assert offences(source, are_paths_judged=True) == []
