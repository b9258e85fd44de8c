"""The files of a host agree with each other and with the app."""

import re
import runpy
import shutil
import subprocess
import tomllib
from importlib.metadata import distribution, version
from pathlib import Path

import pytest
import uvicorn
from sqlalchemy import func, select, text
from streamlit.web.server.starlette import starlette_server

from dashboard.server.host_only import CLOSED
from gqa_core.records.log.tables import BODIES
from gqa_core.records.run_log import RunLog
from tests.records import fake_records as samples

ROOT = Path(__file__).parents[1]
NGINX = (ROOT / "hosting" / "nginx.conf").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
HOSTING = (ROOT / "docs" / "hosting.md").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()


@pytest.mark.parametrize("name", ["metrics", "script-health-check", "agent", "agent/openapi.json"])
def test_the_proxy_closes_what_the_app_closes(name):
    (location,) = re.findall(r"location ~ (\S+) {", NGINX)
    assert re.search(location, f"/_stcore/{name}")
    assert CLOSED.search(f"/_stcore/{name}")
    assert not re.search(location, "/_stcore/health")
    assert not CLOSED.search("/_stcore/health")


def test_the_proxy_knows_every_replica_of_compose():
    replicas = set(re.findall(r"^  (replica-\d+):$", COMPOSE, re.M))
    assert set(re.findall(r"server (replica-\d+):8501", NGINX)) == replicas
    assert len(replicas) == 2


def test_replicas_count_by_the_address_that_the_proxy_names():
    assert 'FORWARDED_ALLOW_IPS: "*"' in COMPOSE  # of which uvicorn takes the first
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in NGINX  # so there is only one
    config = uvicorn.Config(None, **starlette_server._get_uvicorn_config_kwargs())
    assert config.proxy_headers


def test_the_build_gets_every_file_of_the_wheel_and_of_the_steps():
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"][
        "targets"
    ]
    needed = {name.split("/")[0] for name in wheel["wheel"]["only-include"]}
    needed |= {
        *wheel["wheel"]["force-include"],
        "hosting",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    }
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == needed


def test_a_space_gets_the_build_and_may_be_framed_by_its_site_alone(tmp_path):
    subprocess.run([ROOT / "hosting" / "space" / "make", tmp_path], check=True)
    readme = (tmp_path / "README.md").read_text()
    assert readme.startswith("---\n")
    assert "sdk: docker\napp_port: 8501\n" in readme
    added = set((tmp_path / "Dockerfile").read_text().splitlines()) - set(DOCKERFILE.splitlines())
    assert added == {
        '    GQA_FRAME_HOSTS="https://huggingface.co" \\',
        "    STREAMLIT_SERVER_XSRF_COOKIE_SAME_SITE=none \\",
    }
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        assert not line.startswith("!") or (tmp_path / line.removeprefix("!")).exists()


def test_the_contents_of_an_image_are_listed_with_size_and_licence():
    contents_table = runpy.run_path(str(ROOT / "hosting" / "contents.py"))["table"]
    *_, row, total = contents_table([distribution("numpy")]).splitlines()
    assert total.startswith("| 1 packages |")
    _, name, number, size, licence, *_ = (cell.strip() for cell in row.split("|"))
    assert (name, number) == ("numpy", version("numpy"))
    assert float(size) > 10
    assert "BSD" in licence


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_old_records_are_removed_by_the_commands_of_the_document(kind, tmp_path, request):
    (script,) = re.findall(r"```sql\n(.*?)```", HOSTING, re.S)
    log = RunLog(str(tmp_path / "runs.sqlite"))
    if kind == "postgresql":
        log = RunLog(request.getfixturevalue("postgresql_url"))
    old, new = ("2026-05-31T23:59:59+00:00", "2026-06-01T00:00:00+00:00")
    for index, created_at in enumerate((old, new)):
        log.append(samples.record(index=index, created_at=created_at))
    statements = [line for line in script.splitlines() if line.startswith("DELETE")]
    assert len(statements) == 2
    log.write(lambda connection: [connection.execute(text(line)) for line in statements])
    assert [record.created_at for record in log.records()] == [new]
    assert log.execute(select(func.count()).select_from(BODIES)) == [(1,)]


@pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx")
def test_nginx_accepts_what_the_document_changes(tmp_path):
    (edit,) = re.findall(r"^sed '(.*?)' hosting/nginx.conf", HOSTING, re.M)
    command = ["sed", edit, ROOT / "hosting" / "nginx.conf"]
    changed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (flag,) = re.findall(r"`(proxy_cookie_flags .*?)`", HOSTING)
    changed = changed.replace("SameSite=Lax", "SameSite=Lax; Secure")
    changed = changed.replace("proxy_pass http://replicas;", f"proxy_pass http://replicas; {flag}")
    assert {"127.0.0.1:8501", "127.0.0.1:8502"} <= set(re.findall(r"server ([\d.:]+) ", changed))
    (tmp_path / "nginx.conf").write_text(changed.replace("/tmp/", f"{tmp_path}/"))
    subprocess.run(["nginx", "-t", "-c", tmp_path / "nginx.conf"], check=True, capture_output=True)
