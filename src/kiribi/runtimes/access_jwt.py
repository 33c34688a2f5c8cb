"""Who Cloudflare Access let in: its signed header, checked against the team's public keys."""

from __future__ import annotations

import base64
import json
import logging
import time
from typing import Any, cast

import js
from pyodide.ffi import JsException, to_js

from kiribi.runtimes.javascript import from_js, text_of, to_json

logger = logging.getLogger("kiribi")

HEADER = "cf-access-jwt-assertion"
KEYS_SECONDS = 3600.0
"""How long the keys are trusted; they change every few weeks, and old ones stay valid for days."""
KEYS: dict[str, tuple[float, list[dict[str, Any]]]] = {}
RS256 = {"name": "RSASSA-PKCS1-v1_5", "hash": "SHA-256"}


async def let_in(request: Any, env: Any) -> bool:
    """Whether Access vouches for a request.

    KIRIBI_ACCESS_TEAM is the team's address (https://….cloudflareaccess.com), KIRIBI_ACCESS_AUD
    the tag of the application; without both nobody is let in this way.
    """
    team, audience = text_of(env, "KIRIBI_ACCESS_TEAM"), text_of(env, "KIRIBI_ACCESS_AUD")
    token = request.headers.get(HEADER)
    if not team or not audience or not token:
        return False
    try:
        head, body, signature = str(token).split(".")
        header, claims = _json(head), _json(body)
        if not _fits(claims, team.rstrip("/"), audience) or header.get("alg") != "RS256":
            return False
        keys = [key for key in await _keys(team.rstrip("/")) if key.get("kid") == header.get("kid")]
        signed = f"{head}.{body}".encode()
        return bool(keys) and await _verified(keys[0], _bytes(signature), signed)
    except (ValueError, KeyError):
        return False  # not what Access sends
    except JsException as error:
        logger.warning("Access could not be checked, so nobody is let in by it: %s", error)
        return False


def _fits(claims: dict[str, Any], team: str, audience: str) -> bool:
    meant: Any = claims.get("aud")
    until: Any = claims.get("exp")
    return (
        claims.get("iss") == team
        and (audience in meant if isinstance(meant, list) else audience == meant)
        and isinstance(until, int | float)
        and until > time.time()
        and claims.get("nbf", 0) <= time.time() + 60
    )


async def _keys(team: str) -> list[dict[str, Any]]:
    until, keys = KEYS.get(team, (0.0, []))
    if time.time() > until:
        answer = await js.fetch(f"{team}/cdn-cgi/access/certs")
        keys = from_js(await answer.json())["keys"]
        KEYS[team] = (time.time() + KEYS_SECONDS, keys)
    return keys


async def _verified(key: dict[str, Any], signature: bytes, signed: bytes) -> bool:
    public = {name: key[name] for name in ("kty", "n", "e")}
    algorithm = to_json(RS256)
    subtle = js.crypto.subtle
    imported = await subtle.importKey("jwk", to_json(public), algorithm, False, to_js(["verify"]))
    return bool(await subtle.verify(algorithm, imported, to_js(signature), to_js(signed)))


def _json(part: str) -> dict[str, Any]:
    value = json.loads(_bytes(part))
    if not isinstance(value, dict):
        raise ValueError(part)  # noqa: TRY004 - of the text, which is no object
    return cast("dict[str, Any]", value)


def _bytes(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
