"""`kiribi init` and `kiribi types`: a newcomer's project, on the real runtime and without it."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from pathlib import Path

import pytest
from tests.integration.cli_world import Shell
from tests.workers import toolchain
from tests.workers.dev import PYTHON_FLAGS, dev
from tests.workers.require import require
from tests.workers.world import CALLER, call, ended, javascript_worker, vendor, wrangler

from kiribi.application import load
from kiribi.cli.declarations import declarations
from kiribi.testing import connected, drain

TYPED = """
import type { Kiribi, Context } from "./kiribi";

export async function ask(kiribi: Kiribi) {
  const job = await kiribi.enqueue("SEND_MAIL", { to: "ada@example.org", copies: 2 }, {
    maxRetries: 5,
    firstDelay: 10,
    retryDelay: { exponential: true, base: 2 },
    concurrencyKey: "ada",
    unique: { by: ["payload.to"], within: 60, onConflict: "replace" },
  });
  const mail = { to: "ada@example.org" };
  await kiribi.enqueue("SEND_MAIL", mail, { after: [job.id], afterFailed: "wait", unique: false });
  const [week] = await kiribi.stats({ hours: 168, bindings: ["SEND_MAIL"] });
  const [cause] = await kiribi.failures({ hours: 1, limit: 5 });
  const rate: number = week.failureRate ?? 0;
  const at: number = cause.lastAt.getTime();
  await kiribi.count({ fingerprint: cause.fingerprint, reason: "failed" });
  const age: number = Date.now() - job.createdAt.getTime();
  const page = await kiribi.findMany({ filter: { status: "FAILED" }, page: { index: 0, size: 9 } });
  await kiribi.sweep({ olderThan: 1000, statuses: "*" });
  await kiribi.perform("SEND_MAIL", { to: "ada@example.org" }, { maxRetries: 2 }, 10);
  const last = ["SEND_MAIL", mail, { priority: 1 }] as const;
  const batch = await kiribi.enqueueBatch([["SEND_MAIL", mail]], [...last]);
  const left: number = batch.total - (await kiribi.batch(batch.id)).ended;
  await kiribi.limit("SEND_MAIL", { rateLimit: { limit: 5, per: 60 }, concurrency: null });
  const every = { every: 60, payload: mail, params: { maxRetries: 1 } };
  const next: Date | null = (await kiribi.createSchedule("mails", "SEND_MAIL", every)).nextAt;
  const action = await kiribi.startAction("run_now", { status: "PENDING" }, { who: "ada" });
  const lines = await kiribi.logs(job.id, { limit: 10 });
  const holder = (await kiribi.uniqueKey(job.id))?.holder;
  const told = [lines[0].message, holder, page[0].error?.message];
  return [left, next, action.done, told, age, rate, at, (await kiribi.cancel(job.id)).returnValue];
}

export async function perform(payload: unknown, context: Context) {
  await context.log("begun");
  return context.job.attempts;
}
"""
MISTAKES = """
import type { Kiribi } from "./kiribi";

export async function ask(kiribi: Kiribi) {
  await kiribi.enqueue("SEND_MALE", { to: "ada@example.org" });
  await kiribi.enqueue("SEND_MAIL", { too: "ada@example.org" });
  await kiribi.enqueue("SEND_MAIL", { to: "ada@example.org" }, { maxretries: 5 });
  await kiribi.perform("SEND_MAIL", { too: "ada@example.org" });
  await kiribi.enqueue("SEND_MAIL", { to: "a" }, { unique: { onConflict: "ignore" } });
  await kiribi.enqueue("SEND_MAIL", { to: "a" }, { afterFailed: "fail" });
  await kiribi.stats({ days: 7 });
  await kiribi.enqueueBatch([["SEND_MALE", 1]], ["SEND_MAIL", { to: "a" }]);
  await kiribi.createSchedule("mails", "SEND_MAIL", { every: 60, payload: { too: "a" } });
  await kiribi.startAction("destroy", {});
}
"""
APPLICATION = """
from dataclasses import dataclass, field
from kiribi import Performer

@dataclass
class Mail:
    to: str
    copies: int = 1
    tags: list[str] = field(default_factory=list)

class SendMail(Performer):
    async def perform(self, payload: Mail) -> None: ...
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    Shell(tmp_path)("init", "my-shop")
    return tmp_path / "my-shop"


def test_the_entry_runs_without_cloudflare(project: Path) -> None:
    application = load(str(project / "src" / "entry.py"))

    async def run() -> None:
        async with connected(application.manager) as kiribi:
            job = await kiribi.enqueue("SEND_MAIL", {"to": "ada@example.org"})
            await drain(kiribi)
            assert await kiribi.result(job.id) == {"accepted": "ada@example.org"}

    asyncio.run(run())


def test_the_project_runs_on_workers(project: Path, tmp_path: Path) -> None:
    require()
    path = project / "wrangler.jsonc"
    text = path.read_text("utf-8")
    config = json.loads(re.sub(r"(?m)//.*$", "", text))
    config["compatibility_flags"] = PYTHON_FLAGS  # the runtime that is installed here
    path.write_text(json.dumps(config), "utf-8")
    vendor(project, packages=False)
    state = tmp_path / "state"
    applied = wrangler(
        *("d1", "migrations", "apply", "my-shop", "--local", "--persist-to", str(state)),
        cwd=project,
    )
    assert "0001_initial.sql" in applied
    kiribi = {"binding": "KIRIBI", "service": "my-shop"}
    caller = javascript_worker(tmp_path / "caller", "caller", CALLER, [kiribi])
    with dev(caller, path, state=state) as running:
        job = call(running, "enqueue", "SEND_MAIL", {"to": "ada@example.org"})
        assert ended(running, job["id"])["returnValue"] == {"accepted": "ada@example.org"}


def test_a_project_does_not_overwrite(project: Path) -> None:
    shell = Shell(project.parent)
    assert "give a new or an empty folder" in shell("init", "my-shop", code=2).err
    assert "lower-case letters" in shell("init", "My Shop", code=2).err
    (project / "migrations" / "0001_initial.sql").unlink()
    assert "0001_initial.sql" in shell("init", "--migrations", "my-shop").err


def test_types(tmp_path: Path) -> None:
    require()
    (tmp_path / "app.py").write_text(APPLICATION, "utf-8")
    Shell(tmp_path)("types", "app.py", "-o", "kiribi.d.ts")
    assert compiled(tmp_path, TYPED) == ""
    said = compiled(tmp_path, MISTAKES)
    assert [line for line in range(5, 15) if f"ask.ts({line}," not in said] == [], said


def test_schemas_as_types() -> None:
    schema = {
        "type": "object",
        "properties": {
            "kind": {"enum": ["a", "b"]},
            "one": {"const": 1},
            "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "either": {"type": ["string", "null"]},
            "inner": {"$ref": "#/$defs/Inner"},
            "any": {},
            "map": {"type": "object", "additionalProperties": {"type": "number"}},
            "list": {"type": "array", "items": {"type": "boolean"}},
        },
        "required": ["kind"],
        "$defs": {"Inner": {"type": "object", "properties": {"x": {"type": "string"}}}},
    }
    text = declarations({"A": schema, "B": None})
    for line in (
        '"kind": "a" | "b";',
        '"one"?: 1;',
        '"maybe"?: number | null;',
        '"either"?: string | null;',
        '"x"?: string;',
        '"any"?: any;',
        '"map"?: Record<string, number>;',
        '"list"?: Array<boolean>;',
        '"B": any;',
    ):
        assert line in text, text


def compiled(folder: Path, source: str) -> str:
    """What the compiler says of `source`; nothing: it is right."""
    (folder / "ask.ts").write_text(source, "utf-8")
    compiler = toolchain.HOME / "node_modules" / "typescript" / "bin" / "tsc"
    flags = ("--noEmit", "--strict", "--target", "esnext", "--module", "esnext")
    done = subprocess.run(
        [toolchain.NODE, compiler, *flags, "--moduleResolution", "bundler", "ask.ts"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr
