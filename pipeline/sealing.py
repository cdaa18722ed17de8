"""The keys of the journal, and what they seal. No database and no file is touched here.

    JIWOO_SECRET ── scrypt (the database's salt) ──► server key ┐
    the person's own key, in their hands only ──────────────────┴─ HKDF ──► wrapping key
    wrapping key ── AES-GCM ──► the session's data key ── AES-GCM ──► each row

Both halves are needed: neither who has the database and the server's secret, nor who finds a person's key without
them, reads a row. A lost key cannot be made again; the rows then wait for their day of expiry.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from pipeline.errors import WrongKey

KEY_BYTES = 32
NONCE_BYTES = 12
# 16 MiB and about 50 ms: the secret should be long and random anyway, and it is stretched once per process.
SCRYPT_COST = {"n": 2**14, "r": 8, "p": 1}
WRAP = b"jiwoo journal 1: wrap a data key"


@dataclass(frozen=True)
class OwnKey:
    """What a person holds: ``name`` (random, finds the row) and ``secret`` (256 random bits, opens it)."""

    name: str
    secret: str

    @classmethod
    def new(cls) -> OwnKey:
        return cls(secrets.token_hex(8), secrets.token_urlsafe(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> OwnKey:
        """The key that somebody typed or pasted. Raises `WrongKey` where it has not the shape of one."""
        found = re.fullmatch(r"([0-9a-f]{16})\.([\w-]{43})", text.strip(), re.ASCII)
        if not found:
            raise WrongKey("not the shape of a key")
        return cls(found[1], found[2])

    def __str__(self) -> str:
        return f"{self.name}.{self.secret}"

    def __repr__(self) -> str:  # so that no log and no traceback shows the secret
        return f"OwnKey({self.name})"

    @property
    def checker(self) -> bytes:
        """What the database keeps to know the key again. The secret is random, so a plain hash gives nothing away."""
        return hashlib.sha256(self.secret.encode()).digest()

    def fits(self, checker: bytes) -> bool:
        return hmac.compare_digest(self.checker, checker)


def server_key(secret: str, salt: bytes) -> bytes:
    """The server's half, 32 bytes, from JIWOO_SECRET and the database's own salt."""
    return Scrypt(salt=salt, length=KEY_BYTES, **SCRYPT_COST).derive(secret.encode())


def wrapping_key(server: bytes, key: OwnKey) -> bytes:
    """Both halves as one key of 32 bytes, another one for each person's key."""
    return HKDF(SHA256(), KEY_BYTES, salt=key.name.encode(), info=WRAP).derive(server + key.secret.encode())


def new_data_key() -> bytes:
    return AESGCM.generate_key(KEY_BYTES * 8)


def seal(key: bytes, data: bytes, about: str) -> bytes:
    """nonce + ciphertext + tag. ``about`` says what it is and where it belongs; it must be the same at `unseal`."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, about.encode())


def unseal(key: bytes, sealed: bytes, about: str) -> bytes:
    """The data. Raises `WrongKey` where the key is another one, or the bytes or their place were changed."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode())
    except InvalidTag:
        raise WrongKey("the seal does not open with this key") from None
