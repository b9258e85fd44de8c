"""The wheel holds what the dashboard needs, and the three lists of dependencies agree."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = tomllib.loads((ROOT / "uv.lock").read_text())
RUNTIME = PYPROJECT["project"]["dependencies"]
DEV = PYPROJECT["project"]["optional-dependencies"]["dev"]
NVIDIA = PYPROJECT["project"]["optional-dependencies"]["nvidia"]
POSTGRES = PYPROJECT["project"]["optional-dependencies"]["postgres"]
FIRST_PARTY = {"dashboard", "gqa_core"}
WITH_TORCH = {"triton"}  # CUDA builds of torch bring it; elsewhere the tests alone need it


def pins(file_name):
    """The pinned version of each package that this requirements file lists itself."""
    lines = (ROOT / file_name).read_text().splitlines()
    requirements = [Requirement(line) for line in lines if not line.startswith("-r")]
    return {each.name: Version(str(each.specifier).removeprefix("==")) for each in requirements}


def tracked(*patterns):
    """The repository's files that match, as git lists them."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split() if (ROOT / name).exists()]


@pytest.mark.parametrize(
    ("declared", "file_name"), [(RUNTIME, "requirements.txt"), (DEV, "requirements-dev.txt")]
)
def test_every_declared_range_admits_the_pin_of_its_requirements_file(declared, file_name):
    ranges = {requirement.name: requirement for requirement in map(Requirement, declared)}
    pinned = pins(file_name)
    assert ranges.keys() == pinned.keys()
    assert [name for name in ranges if pinned[name] not in ranges[name].specifier] == []


def test_the_lock_holds_the_pins_and_was_made_from_these_ranges():
    locked = {}
    for package in LOCK["package"]:
        locked.setdefault(package["name"], set()).add(package.get("version", "").split("+")[0])
    pinned = pins("requirements.txt") | pins("requirements-dev.txt")
    assert {name: locked[name] for name in pinned} == {
        name: {str(version)} for name, version in pinned.items()
    }
    (project,) = [package for package in LOCK["package"] if package["name"] == "gqa-lab"]
    described = {
        (entry["name"], Requirement(f"{entry['name']}{entry['specifier']}").specifier)
        for entry in project["metadata"]["requires-dist"]
    }
    assert described == {
        (requirement.name, requirement.specifier)
        for requirement in map(Requirement, RUNTIME + DEV + NVIDIA + POSTGRES)
    }


def test_the_lock_takes_the_cpu_build_of_torch_on_linux_and_no_gpu_library():
    (cpu_index,) = PYPROJECT["tool"]["uv"]["index"]
    builds = [package for package in LOCK["package"] if package["name"] == "torch"]
    (cpu,) = [build for build in builds if build["version"].endswith("+cpu")]
    assert cpu["source"]["registry"] == cpu_index["url"]
    assert all("sys_platform == 'linux'" in marker for marker in cpu["resolution-markers"])
    default_builds = [build for build in builds if build is not cpu]
    assert not any(
        "linux" in marker for build in default_builds for marker in build["resolution-markers"]
    )
    registries = {package["source"].get("registry") for package in LOCK["package"]}
    assert len(registries - {None, cpu_index["url"]}) == 1  # the public default one
    gpu = ("nvidia", "cuda", "triton")
    # Bindings of the driver's own library, asked for by name: not a GPU library itself.
    bindings = {Requirement(text).name for text in NVIDIA}
    names = {package["name"] for package in LOCK["package"]} - bindings
    assert [name for name in names if name.startswith(gpu)] == ["triton"]  # of `dev` alone
    (project,) = [package for package in LOCK["package"] if package["name"] == "gqa-lab"]
    assert "triton" not in {entry["name"] for entry in project["dependencies"]}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-build.txt"])
def test_the_image_installs_what_the_lock_holds_by_its_hashes(name):
    text = (ROOT / "hosting" / name).read_text()
    entries = re.findall(r"^([\w.-]+)==(\S+) ;.*((?:\n    --hash=\S+.*)+)", text, re.M)
    assert len(entries) == len(re.findall(r"^\w", text, re.M)) > 3
    hashes = {(package["name"], package["version"]): files(package) for package in LOCK["package"]}
    for package, version, lines in entries:
        assert set(re.findall(r"--hash=(\S+)", lines)) == hashes[package, version]


def test_the_image_installs_every_pin_and_the_driver_of_postgresql():
    text = (ROOT / "hosting" / "requirements.txt").read_text()
    installed = dict(re.findall(r"^([\w.-]+)==([^+\s]+)", text, re.M))
    wanted = pins("requirements.txt") | {"psycopg": pins("requirements-dev.txt")["psycopg"]}
    assert {name: installed.get(name) for name in wanted} == {
        name: str(version) for name, version in wanted.items()
    }


def files(package):
    """The hashes of a package's files in the lock."""
    listed = [*package.get("wheels", ()), package.get("sdist", {})]
    return {file["hash"] for file in listed if "hash" in file}


def test_every_third_party_import_is_declared():
    imported = set()
    for name in tracked("app.py", "serve.py", "dashboard/*.py", "gqa_core/*.py", "pages/*.py"):
        for node in ast.walk(ast.parse((ROOT / name).read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.split(".")[0])
    third_party = imported - FIRST_PARTY - set(sys.stdlib_module_names)
    declared = {Requirement(text).name.replace("-", "_") for text in RUNTIME}
    assert third_party - declared == WITH_TORCH


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_code_pages_theme_data_and_licence(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    app = tracked("app.py", "serve.py", "pages", "dashboard", ".streamlit/config.toml")
    assert {f"gqa_lab/{name}" for name in app} | set(tracked("gqa_core")) <= names
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "gqa_core",
        "gqa_lab",
    }
    assert any(name.endswith("licenses/LICENSE") for name in names)
