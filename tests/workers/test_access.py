"""REST on Workers: closed, unless a token or Cloudflare Access says otherwise."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.workers import toolchain
from tests.workers.dev import dev
from tests.workers.require import require
from tests.workers.world import CALLER, call, javascript_worker, manager, migrate

ENTRY = """
from kiribi import Kiribi

class Default(Kiribi): ...
"""
NOTHING = """
class Nothing(Performer):
    async def perform(self, payload): ...
"""
SIGN = """
const crypto = require("node:crypto");
const tokens = JSON.parse(process.argv[1]);
const pair = () => crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
const [own, foreign] = [pair(), pair()];
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const signed = ({ claims, alg = "RS256", kid = "k1", by = "own" }) => {
  const text = `${encoded({ alg, kid })}.${encoded(claims)}`;
  const key = (by === "own" ? own : foreign).privateKey;
  return `${text}.${crypto.sign("sha256", Buffer.from(text), key).toString("base64url")}`;
};
console.log(JSON.stringify({
  keys: [{ ...own.publicKey.export({ format: "jwk" }), kid: "k1", alg: "RS256", use: "sig" }],
  tokens: Object.fromEntries(Object.entries(tokens).map(([name, token]) => [name, signed(token)])),
}));
"""
AUDIENCE = "4714c1358e65fe4b408ad6d432a5f878"


@pytest.fixture
def team() -> Generator[HTTPServer]:
    """Answers with the team's keys, as Access does."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"keys": self.server.keys}).encode()  # type: ignore[attr-defined]
            self.send_response(200 if self.path == "/cdn-cgi/access/certs" else 404)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_who_is_let_in(tmp_path: Path, team: HTTPServer) -> None:
    require()
    address = f"http://127.0.0.1:{team.server_port}"
    good = {"iss": address, "aud": [AUDIENCE], "exp": time.time() + 600, "email": "a@example.org"}
    wanted: dict[str, dict[str, Any]] = {
        "good": {"claims": good},
        "of another team": {"claims": {**good, "iss": "https://other.cloudflareaccess.com"}},
        "for another application": {"claims": {**good, "aud": ["other"]}},
        "expired": {"claims": {**good, "exp": time.time() - 1}},
        "not valid yet": {"claims": {**good, "nbf": time.time() + 600}},
        "by another key": {"claims": good, "by": "foreign"},
        "by an unknown key": {"claims": good, "kid": "k2"},
        "by nobody": {"claims": good, "alg": "none"},
    }
    done = subprocess.run(
        [toolchain.NODE, "-e", SIGN, json.dumps(wanted)], capture_output=True, check=True
    )
    made = json.loads(done.stdout)
    team.keys = made["keys"]  # type: ignore[attr-defined]
    variables = {"KIRIBI_ACCESS_TEAM": address, "KIRIBI_ACCESS_AUD": AUDIENCE}
    jobs = manager(tmp_path / "jobs", ENTRY, variables=variables, packages=True)
    migrate(tmp_path / "jobs", tmp_path / "state")
    kiribi = {"binding": "KIRIBI", "service": "jobs"}
    caller = javascript_worker(tmp_path / "caller", "caller", CALLER, [kiribi])
    with dev(caller, jobs, state=tmp_path / "state") as running:

        def status(token: str | None) -> int:
            headers = {} if token is None else {"cf-access-jwt-assertion": token}
            answer = call(running, "$fetch", "GET", "/api/bindings", None, headers)
            return int(answer["status"])

        said = {name: status(token) for name, token in made["tokens"].items()}
        assert said == {name: 200 if name == "good" else 403 for name in wanted}, running.log[
            -2000:
        ]
        assert status(None) == 403
        refused = call(running, "$fetch", "GET", "/api/bindings", None, {})
        assert "wrangler secret put KIRIBI_TOKEN" in json.loads(refused["text"])["error"]["message"]
        assert status("x.y.z") == 403
        assert status(made["tokens"]["good"][:-4] + "AAAA") == 403


def test_a_variable_makes_it_read_only(tmp_path: Path) -> None:
    require()
    variables = {"KIRIBI_OPEN": "1", "KIRIBI_READ_ONLY": "1"}
    performs = ENTRY.replace("import Kiribi", "import Kiribi, Performer") + NOTHING
    jobs = manager(tmp_path / "jobs", performs, variables=variables, packages=True)
    migrate(tmp_path / "jobs", tmp_path / "state")
    kiribi = {"binding": "KIRIBI", "service": "jobs"}
    caller = javascript_worker(tmp_path / "caller", "caller", CALLER, [kiribi])
    with dev(caller, jobs, state=tmp_path / "state") as running:

        def fetch(method: str, path: str, body: Any = None) -> tuple[int, Any]:
            answer = call(running, "$fetch", method, f"/api/{path}", body, {})
            return answer["status"], json.loads(answer["text"])

        status, me = fetch("GET", "me")
        assert (status, me["readOnly"]) == (200, True)
        status, refused = fetch("POST", "enqueue", {"binding": "NOTHING"})
        assert (status, refused["error"]["code"]) == (403, "not_granted")
        # other Workers may: they are bound by whoever deploys this one
        id = call(running, "enqueue", "NOTHING")["id"]
        assert fetch("POST", f"jobs/{id}/retry")[0] == 403
        assert fetch("GET", f"jobs/{id}")[0] == 200
