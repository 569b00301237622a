"""Signed heads: they detect a log rewritten from some point on, with a recomputed chain."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from streams.audit.offline import ORDER, OUTCOMES, head_message, signature_holds
from streams.audit.signed_heads import public_bytes, sign_heads, signing_key
from streams.audit.verify import verify
from tests.contract.runtimes import START
from tests.streams.audit.logs import Log, found, rechained, store, usual

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SHIFT = timedelta(hours=1)


def test_a_signed_log_is_whole_and_says_how_far_it_is_vouched_for(log: Log) -> None:
    (head,) = sign_heads(log, KEY, START)
    report = verify(log, trusted=[public_bytes(KEY)])
    assert (report.fault, report.signed_heads) == (None, 1)
    assert report.signed == {("shelf", head.partition): 10}


def test_a_head_is_signed_once_however_often_it_is_asked_for(log: Log) -> None:
    sign_heads(log, KEY, START)
    sign_heads(log, KEY, START + SHIFT)
    assert log.execute("select count(*), min(signed_at) from headwater.signed_heads").fetchall() == [(1, START)]


def test_older_signatures_hold_while_the_log_grows(log: Log) -> None:
    records = usual()
    for number in (number for number, record in enumerate(records, 1) if record.name in OUTCOMES):
        store(log, records[:number])
        sign_heads(log, KEY, START + number * SHIFT)
    report = verify(log, trusted=[public_bytes(KEY)])
    assert (report.fault, report.signed_heads) == (None, 5)


def test_a_log_rewritten_with_a_fitting_chain_is_found_where_it_was_signed(log: Log) -> None:
    sign_heads(log, KEY, START)
    store(log, rechained(record._replace(actor="client:eve") for record in usual()))
    assert found(log) == (10, "another hash was signed here at 2026-01-05T09:00:00.000000+00:00")


def test_a_log_cut_short_with_its_head_moved_back_is_found(log: Log) -> None:
    sign_heads(log, KEY, START)
    store(log, usual()[:8])
    assert found(log) == (10, "a head was signed here at 2026-01-05T09:00:00.000000+00:00; no such record")


def test_a_log_emptied_with_its_heads_is_found(log: Log) -> None:
    sign_heads(log, KEY, START)
    store(log, [])
    assert found(log) == (10, "a head was signed here at 2026-01-05T09:00:00.000000+00:00; no such record")


@pytest.mark.parametrize(
    "tampering",
    [
        "signature = set_byte(signature, 3, get_byte(signature, 3) # 1)",
        "signature = ''",
        "signed_at = signed_at + interval '1 second'",
        "signed_at = 'infinity'",
        "key = ''",
        "key = set_byte(key, 3, get_byte(key, 3) # 1)",
    ],
)
def test_a_changed_signature_is_found(log: Log, tampering: str) -> None:
    sign_heads(log, KEY, START)
    log.execute(f"update headwater.signed_heads set {tampering}".encode())
    assert found(log) == (10, "the signature of the head does not hold")


def test_a_head_signed_by_somebody_else_is_found_when_it_is_known_whom_to_trust(log: Log) -> None:
    sign_heads(log, Ed25519PrivateKey.generate(), START)
    assert verify(log).whole
    fault = verify(log, trusted=[public_bytes(KEY)]).fault
    assert fault is not None
    assert "not trusted" in fault.reason


def test_the_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    key = signing_key(tmp_path)
    assert public_bytes(signing_key(tmp_path)) == public_bytes(key)
    assert stat.S_IMODE((tmp_path / "audit.key").stat().st_mode) == 0o600


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(), other=st.binary())
def test_the_offline_verifier_accepts_every_signature_and_only_for_its_message(
    seed: bytes, message: bytes, other: bytes
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert signature_holds(public_bytes(key), message, key.sign(message))
    assert signature_holds(public_bytes(key), other, key.sign(message)) is (other == message)


@given(signature=st.binary(min_size=64, max_size=64), place=st.integers(0, 63), bits=st.integers(0, 255))
def test_the_offline_verifier_agrees_with_the_library_on_any_bytes(signature: bytes, place: int, bits: int) -> None:
    genuine = bytearray(KEY.sign(b"message"))
    genuine[place] ^= bits
    for tried in (signature, bytes(genuine)):
        try:
            KEY.public_key().verify(tried, b"message")
        except InvalidSignature:
            assert not signature_holds(public_bytes(KEY), b"message", tried)
        else:
            assert signature_holds(public_bytes(KEY), b"message", tried)


def test_the_offline_verifier_refuses_a_signature_that_could_be_varied() -> None:
    signature = KEY.sign(b"message")
    varied = (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    assert not signature_holds(public_bytes(KEY), b"message", signature[:32] + varied)


def test_the_offline_verifier_refuses_keys_and_signatures_of_other_lengths() -> None:
    assert not signature_holds(b"", b"message", KEY.sign(b"message"))
    assert not signature_holds(public_bytes(KEY), b"message", b"")


def test_a_stored_head_can_be_checked_with_nothing_but_its_own_columns(log: Log) -> None:
    (head,) = sign_heads(log, KEY, START)
    Ed25519PublicKey.from_public_bytes(head.key).verify(head.signature, head_message(*head[:5]))
