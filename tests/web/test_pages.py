from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

import web
from web.problems import KINDS

FOLDER = Path(web.__file__).parent
ASSETS = sorted([*FOLDER.glob("templates/*.html"), *FOLDER.glob("static/*")])


@pytest.mark.parametrize("path", ASSETS, ids=lambda path: path.name)
def test_pages_need_nothing_from_elsewhere_and_nothing_inline(path: Path) -> None:
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"(https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text)
    if path.suffix == ".html":
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\bsrc=)|javascript:", text)
    assert "innerHTML" not in text


def test_what_the_pages_load_is_there(client: FlaskClient) -> None:
    for page in ("/", "/docs"):
        text = client.get(page).text
        addresses = re.findall(r'(?:src|href)="(/[^"#]*)"', text)
        assert any(address.endswith(".js") for address in addresses)
        for address in addresses:
            with client.get(address) as answer:
                assert answer.status_code == 200, address


def test_docs_show_every_call_and_every_problem(client: FlaskClient) -> None:
    text = client.get("/docs").text
    document: Any = client.get("/openapi.json").json
    for path, methods in document["paths"].items():
        assert path in text
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in text
    for kind in KINDS.values():
        assert kind.type in text


def test_openapi_describes_answers_and_problems(client: FlaskClient) -> None:
    document: Any = client.get("/openapi.json").json
    feed = document["paths"]["/v1/users/{user_id}/recommendations"]["get"]
    assert {parameter["name"] for parameter in feed["parameters"]} == {
        "user_id", "n", "kind", "cursor", "exclude", "explain", "model", "debug", "allow_unknown",
        "genre", "mood", "hashtag", "maker", "max_age_days", "context", "replays",
    }  # fmt: skip
    assert set(feed["responses"]) >= {"200", "404", "422", "429", "503"}
    assert "application/problem+json" in feed["responses"]["404"]["content"]


def test_the_service_never_imports_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from graph.settings import Settings; from web.app import create_app;"
        "create_app(Settings(home=Path(sys.argv[1]), neo4j_uri=None)).extensions['entourage.serving'].stop();"
        "import recommend.service, ranking.registry; print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code, tmp_path / "home"], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
