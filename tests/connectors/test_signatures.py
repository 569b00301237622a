"""The signatures of Twilio, Standard Webhooks and Resend: published vectors first, then what must not pass."""

from __future__ import annotations

import hashlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.signatures import (
    TOLERANCE,
    Form,
    hex_signature,
    hub_signature_valid,
    resend_hmac_valid,
    token_valid,
    twilio_signature,
    twilio_valid,
    webhook_signature,
    webhook_valid,
)

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = [("CallSid", "CA1234567890ABCDE"), ("Digits", "1234"), ("From", "+14158675309"), ("To", "+18005551212")]
CALLER = ("Caller", "+14158675309")
TWILIO = "RSOYDt4T1cUTdK1PDd93/VVr8B8="

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "QUJD" * 8
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = 1614265330
BODY = b'{"test": 2432232314}'
WEBHOOK = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def changed(content: bytes, index: int, by: int) -> bytes:
    index %= len(content)
    return content[:index] + bytes([(content[index] + by) % 256]) + content[index + 1 :]


def test_twilios_published_example_is_valid() -> None:
    assert twilio_signature(TOKEN, URL, [CALLER, *FORM]) == TWILIO
    assert twilio_valid(TOKEN, [URL], [*FORM, CALLER], TWILIO)


def test_twilio_may_have_called_any_of_our_addresses() -> None:
    assert twilio_valid(TOKEN, ["https://elsewhere.example/", URL], [*FORM, CALLER], TWILIO)
    assert not twilio_valid(TOKEN, ["https://elsewhere.example/"], [*FORM, CALLER], TWILIO)
    assert not twilio_valid(TOKEN, [], [*FORM, CALLER], TWILIO)


@pytest.mark.parametrize(
    ("signed", "called"),
    [
        ("https://a.example/sms?x=1", "https://a.example:443/sms?x=1"),
        ("https://a.example:443/sms?x=1", "https://a.example/sms?x=1"),
        ("http://a.example:80/sms", "http://a.example/sms"),
        ("https://a.example/sms", "https://a.example:8443/sms"),
        ("https://user:pw@a.example/sms", "https://user:pw@a.example:443/sms"),
        ("https://[2001:db8::1]:443/sms?", "https://[2001:db8::1]/sms?"),
        ("https://https/https", "https://https:443/https"),
    ],
)
def test_the_port_may_be_signed_or_left_out(signed: str, called: str) -> None:
    assert twilio_valid(TOKEN, [called], FORM, twilio_signature(TOKEN, signed, FORM))


def test_another_port_is_another_address() -> None:
    assert not twilio_valid(
        TOKEN, ["https://a.example/"], FORM, twilio_signature(TOKEN, "https://a.example:444/", FORM)
    )


@pytest.mark.parametrize("url", ["https://a.example:99999999/", "https://[broken/", "nonsense", ""])
def test_an_address_made_of_nonsense_is_not_signed_and_breaks_nothing(url: str) -> None:
    assert not twilio_valid(TOKEN, [url], FORM, TWILIO)
    assert not twilio_valid(TOKEN, [url], BODY, TWILIO)


def test_a_name_given_twice_is_signed_with_each_distinct_value_in_order() -> None:
    form = [("MediaUrl", "b"), ("MediaUrl", "a"), ("MediaUrl", "b")]
    assert twilio_signature(TOKEN, URL, form) == twilio_signature(TOKEN, URL + "MediaUrlaMediaUrlb")


def test_a_json_body_is_bound_by_its_hash_in_the_address() -> None:
    url = f"https://a.example/status?bodySHA256={hashlib.sha256(BODY).hexdigest()}"
    signature = twilio_signature(TOKEN, url)
    assert twilio_valid(TOKEN, [url], BODY, signature)
    assert not twilio_valid(TOKEN, [url], BODY + b" ", signature)


def test_a_json_body_without_its_hash_is_invalid_even_when_the_address_is_signed() -> None:
    assert not twilio_valid(TOKEN, [URL], BODY, twilio_signature(TOKEN, URL))


forms = st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=6)


@given(forms, st.randoms())
def test_the_order_of_a_form_does_not_matter(form: Form, random: Random) -> None:
    shuffled = random.sample(list(form), len(form))
    assert twilio_valid(TOKEN, [URL], shuffled, twilio_signature(TOKEN, URL, form))


@given(st.integers(0), st.integers(0), st.integers(1, 9))
def test_one_changed_character_of_a_form_breaks_twilios_signature(which: int, index: int, by: int) -> None:
    name, value = FORM[which % len(FORM)]
    other = changed(value.encode(), index, by).decode("latin-1")
    form = [pair if pair[0] != name else (name, other) for pair in [*FORM, CALLER]]
    assert not twilio_valid(TOKEN, [URL], form, TWILIO)


@given(st.integers(0), st.integers(1, 255))
def test_one_changed_byte_breaks_twilios_signature_itself(index: int, by: int) -> None:
    assert not twilio_valid(TOKEN, [URL], [*FORM, CALLER], changed(TWILIO.encode(), index, by).decode("latin-1"))


def test_the_published_vector_of_standard_webhooks_is_made_and_valid() -> None:
    assert webhook_signature([SECRET], ID, AT, BODY) == WEBHOOK
    assert webhook_valid(SECRET, ID, str(AT), BODY, WEBHOOK, now=AT)


def test_while_a_secret_is_replaced_both_signatures_are_sent_and_either_is_enough() -> None:
    both = webhook_signature([OTHER, SECRET], ID, AT, BODY)
    assert len(both.split(" ")) == 2
    assert webhook_valid(SECRET, ID, str(AT), BODY, both, now=AT)
    assert webhook_valid(OTHER, ID, str(AT), BODY, both, now=AT)


def test_signatures_of_other_versions_are_passed_over() -> None:
    assert webhook_valid(SECRET, ID, str(AT), BODY, f"v1a,c29tZQ== {WEBHOOK}", now=AT)
    assert not webhook_valid(SECRET, ID, str(AT), BODY, WEBHOOK.replace("v1,", "v1a,"), now=AT)


@pytest.mark.parametrize("off", [TOLERANCE, -TOLERANCE])
def test_a_timestamp_is_good_for_five_minutes_either_way(off: int) -> None:
    assert webhook_valid(SECRET, ID, str(AT), BODY, WEBHOOK, now=AT + off)
    assert not webhook_valid(SECRET, ID, str(AT), BODY, WEBHOOK, now=AT + off * 1.01)


@pytest.mark.parametrize("timestamp", ["", "now", "1614265330.0", "-1", "+1614265330", " 1614265330", "9" * 5000])
def test_a_timestamp_that_is_no_number_of_seconds_is_invalid(timestamp: str) -> None:
    assert not webhook_valid(SECRET, ID, timestamp, BODY, WEBHOOK, now=AT)


def test_the_dots_between_id_timestamp_and_body_cannot_be_shifted() -> None:
    signature = webhook_signature([SECRET], "msg", AT, b"5.{}")
    shifted = f"msg.{AT}"
    assert not webhook_valid(SECRET, shifted, "5", b"{}", signature, now=5)


def test_a_malformed_secret_of_our_own_is_an_error() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        webhook_valid("whsec_not base64!", ID, str(AT), BODY, WEBHOOK, now=AT)


@given(st.binary(max_size=200), st.integers(0, 10**10))
def test_what_we_sign_is_valid(body: bytes, at: int) -> None:
    assert webhook_valid(SECRET, ID, str(at), body, webhook_signature([SECRET], ID, at, body), now=at)


@given(st.integers(0), st.integers(1, 255))
def test_one_changed_byte_of_the_body_breaks_a_webhooks_signature(index: int, by: int) -> None:
    assert not webhook_valid(SECRET, ID, str(AT), changed(BODY, index, by), WEBHOOK, now=AT)


@given(st.integers(0), st.integers(1, 255))
def test_one_changed_byte_breaks_a_webhooks_signature_itself(index: int, by: int) -> None:
    assert not webhook_valid(SECRET, ID, str(AT), BODY, changed(WEBHOOK.encode(), index, by).decode("latin-1"), now=AT)


@given(st.integers(0), st.integers(1, 255))
def test_one_changed_byte_of_the_id_breaks_a_webhooks_signature(index: int, by: int) -> None:
    other = changed(ID.encode(), index, by).decode("latin-1")
    assert not webhook_valid(SECRET, other, str(AT), BODY, WEBHOOK, now=AT)


@given(st.integers(-TOLERANCE, TOLERANCE).filter(bool))
def test_another_timestamp_breaks_a_webhooks_signature(by: int) -> None:
    assert not webhook_valid(SECRET, ID, str(AT + by), BODY, WEBHOOK, now=AT)


def test_the_hex_form_is_hmac_sha256_as_rfc_4231_has_it() -> None:
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hex_signature("Jefe", b"what do ya want for nothing?") == expected


@pytest.mark.parametrize("prefix", ["", "sha256="])
def test_resends_plain_signature_is_hex_with_or_without_its_prefix(prefix: str) -> None:
    signature = hex_signature(SECRET, BODY)
    assert resend_hmac_valid(SECRET, BODY, prefix + signature)
    assert resend_hmac_valid(SECRET, BODY, prefix + signature.upper())
    assert not resend_hmac_valid(OTHER, BODY, prefix + signature)


@pytest.mark.parametrize("signature", ["", "sha256=", "é", "sha1=" + "0" * 40])
def test_resends_plain_signature_is_never_nonsense(signature: str) -> None:
    assert not resend_hmac_valid(SECRET, BODY, signature)


@given(st.integers(0), st.integers(1, 255))
def test_one_changed_byte_of_the_body_breaks_resends_plain_signature(index: int, by: int) -> None:
    assert not resend_hmac_valid(SECRET, changed(BODY, index, by), hex_signature(SECRET, BODY))


@given(st.integers(0, 63), st.sampled_from("0123456789abcdef"))
def test_one_changed_digit_breaks_resends_plain_signature(index: int, digit: str) -> None:
    signature = hex_signature(SECRET, BODY)
    other = signature[:index] + digit + signature[index + 1 :]
    assert resend_hmac_valid(SECRET, BODY, other) == (other == signature)


HUB_SECRET, HUB_BODY = "It's a Secret to Everybody", b"Hello, World!"
HUB = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_the_published_vector_of_x_hub_signature_256_is_valid() -> None:
    assert hub_signature_valid(HUB_SECRET, HUB_BODY, HUB)


@given(index=st.integers(min_value=0), by=st.integers(1, 255))
def test_one_changed_byte_of_the_body_breaks_the_hubs_signature(index: int, by: int) -> None:
    assert not hub_signature_valid(HUB_SECRET, changed(HUB_BODY, index, by), HUB)


@pytest.mark.parametrize(
    "signature",
    ["", "sha256=", HUB.removeprefix("sha256="), HUB[:-1], f"{HUB} ", HUB.replace("256", "1"), "sha256=\u0661"],
)
def test_the_hubs_signature_is_never_nonsense(signature: str) -> None:
    assert not hub_signature_valid(HUB_SECRET, HUB_BODY, signature)


def test_an_empty_secret_signs_nothing() -> None:
    assert not hub_signature_valid("", HUB_BODY, f"sha256={hex_signature('', HUB_BODY)}")


@pytest.mark.parametrize(("expected", "given_"), [("", ""), ("a", ""), ("a", "A"), ("a", "aa"), ("a", "\ud800")])
def test_a_token_is_the_expected_one_or_none(expected: str, given_: str) -> None:
    assert not token_valid(expected, given_)
    assert token_valid("t\u00f6ken", "t\u00f6ken")
