"""An installation made by an earlier revision opens under today's program, and everything in it is as it was."""

from __future__ import annotations

import json
import re
from ast import literal_eval
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.imitations.twilio import TwilioImitation
from tests.imitations.webhook_sink import WebhookSink
from tests.upgrade.exchanges import KEY, Asking, Exchange, differences
from tests.upgrade.installation import Installation, digest, problems, wait
from tests.upgrade.packing import DATA, EMBEDDED, known, unpack

pytestmark = pytest.mark.xdist_group("upgrade")
SINK_PORT = 18_765
API, COURSE = "/communication/api/communication", "/gccp/api"
MISSED = re.compile(r" on their way$| missed: headwater webhook recover |the latest failure: ")
RECORDS = "select count(*) from headwater.journal"
ACTOR = "select actor from headwater.journal where stream = %s"
AT = "select encode(hash, 'hex') from headwater.journal where context = %s and partition = %s and sequence = %s"
TASKS = "select kind, name, count(*)::int from headwater.tasks group by 1, 2 order by 1, 2"
HELD = """
    select convert_from(data, 'UTF8')::json ->> 'data_subject' from headwater.journal
     where name = 'webhooks.webhook.held.v1' and convert_from(data, 'UTF8')::json ->> 'endpoint_id' = %s
"""
RETIRED: frozenset[str] = frozenset({"communication_outlets", "communication_outlets_told"})
"""Read models that the kept installation has and no code lists any more."""


@dataclass
class Kept:
    """The kept installation, running under today's program, and what is known of it."""

    installation: Installation
    known: dict[str, Any]
    asking: Asking
    sink: WebhookSink
    ready: dict[str, Any]
    records: int

    @property
    def writes(self) -> list[Exchange]:
        return [Exchange(**one) for one in self.known["writes"]]

    @property
    def reads(self) -> list[Exchange]:
        return [Exchange(**one) for one in self.known["reads"]]

    def ask(self, by: str, method: str, path: str, body: object = None, key: str | None = None) -> httpx2.Response:
        headers = {} if key is None else {KEY: key}
        return self.asking.ask(by, method, path, None if body is None else json.dumps(body), headers)

    def status(self, task: str) -> str:
        return str(self.ask("ana", "GET", f"{API}/status/{task}").json()["status"])

    def generation(self, id_: str) -> str:
        return str(self.ask("owner", "GET", f"{COURSE}/generations/{id_}").json()["status"])


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Unpacked and started once; what waits there waits until the year 2100, by a clock that the tests move."""
    found = known(EMBEDDED)
    data = unpack(DATA / f"{EMBEDDED}.tar.xz", tmp_path_factory.mktemp("kept"))
    with ExitStack() as open_:
        sink = open_.enter_context(own_sink())
        sink.secrets |= found["kept"]["secrets"]
        twilio = open_.enter_context(TwilioImitation())
        settings = found["settings"] | {"HEADWATER_CLOCK": "manual", "TWILIO_BASE_URL": twilio.url}
        installation = Installation(data, settings)
        installation.start("up")
        open_.callback(installation.stop)
        ready = installation.await_ready("up")
        client = open_.enter_context(installation.client())
        ((records,),) = installation.rows(RECORDS)
        yield Kept(installation, found, Asking(client, found["tokens"]), sink, ready, records)


def own_sink() -> WebhookSink:
    """The kept endpoints name a port: whoever else has it on this machine is waited for."""
    sinks: list[WebhookSink] = []

    def bound() -> bool:
        with suppress(OSError):
            sinks.append(WebhookSink(SINK_PORT))
        return bool(sinks)

    wait(bound, f"port {SINK_PORT} is taken", seconds=300)
    return sinks[0]


# --- nothing has been asked of it yet --------------------------------------------------------------------------------


def test_it_starts_and_nothing_has_halted(kept: Kept) -> None:
    stopped: dict[str, list[object]] = {"halted": [], "log_halts": [], "kept_tasks": []}
    assert kept.ready == {"ready": True, "database": True, "log": True, **stopped}


def test_its_history_verifies_and_every_stream_folds_with_todays_code(kept: Kept) -> None:
    """A snapshot whose state had another shape is a cache of before: it is passed over, and the stream folds anew."""
    assert "whole" in kept.installation.says("audit", "verify")
    assert " 0 signed heads" not in kept.installation.says("audit", "verify")
    folded = kept.installation.says("audit", "replay")
    assert "faults" not in folded
    assert int(folded.split()[0]) > 100


def test_its_partitions_lead_through_the_same_records(kept: Kept) -> None:
    ends = {place: end for place, end in kept.known["heads"].items() if end[0]}
    assert {place: hash_at(kept.installation, place, end[0]) for place, end in ends.items()} == {
        place: end[1] for place, end in ends.items()
    }


def hash_at(installation: Installation, place: str, sequence: int) -> str:
    context, _, partition = place.partition("/")
    ((found,),) = installation.rows(AT, context, int(partition), sequence)
    return str(found)


def test_its_tokens_are_accepted_and_a_changed_one_is_not(kept: Kept) -> None:
    readable = (("ana", f"{API}/trigger-types"), ("reader", f"{API}/trigger-types"), ("owner", f"{COURSE}/generations"))
    for by, path in readable:
        assert kept.ask(by, "GET", path).status_code == 200
    changed = {"Authorization": f"Bearer {kept.known['tokens']['ana'][:-4]}AAAA"}
    assert kept.asking.client.get(f"{API}/trigger-types", headers=changed).status_code == 401
    assert kept.ask("reader", "POST", f"{API}/opt-out", {"user_id": 101}).status_code == 403


def test_every_read_is_answered_as_before(kept: Kept) -> None:
    found = [line for line in differences(kept.asking, kept.reads) if not told_more(line)]
    assert [line for line in found if not of_another(kept, line)] == []


def of_another(kept: Kept, difference: str) -> bool:
    """Whether the answer is the outcome of another caller's command, which only that caller reads today."""
    path = difference.split()[1]
    if "/outcomes/" not in path or "\n  is  [404," not in difference:
        return False
    reader = "owner" if path.startswith("/gccp") else "ana"
    ((actor,),) = kept.installation.rows(ACTOR, f"command/{path.rpartition('/')[2]}")
    return str(actor) != f"client:{reader}"


def told_more(difference: str) -> bool:
    """Whether the only difference is that a failure without a reason says so, where it said nothing."""
    was, _, now = difference.partition("\n  is  ")
    expected = literal_eval(was.partition("\n  was ")[2])
    return bool(expected == literal_eval(now.replace("'no reason given'", "''")))


BLANKED = "communication_consents"
"""The read model of which more columns are personal today than were when the two persons were erased."""


def test_of_the_erased_no_text_is_shown_that_was_recorded_in_clear(kept: Kept) -> None:
    texts = "select user_id, source, reason, shown from read_models.communication_consents where status = 'granted'"
    shown = kept.installation.rows(texts)
    erased = kept.known["kept"]["erased"]
    assert {user for user, *_ in shown} >= set(erased)
    assert not any(text for user, *given in shown if user in erased for text in given)
    assert all(source for user, source, _, _ in shown if user not in erased)


def test_its_read_models_hold_the_same_rows(kept: Kept) -> None:
    models = {n: model for n, model in kept.known["read_models"].items() if n not in RETIRED and n != BLANKED}
    assert {name: digest(kept.installation, name, model["columns"]) for name, model in models.items()} == {
        name: model["digest"] for name, model in models.items()
    }


def test_the_tasks_that_wait_are_the_same(kept: Kept) -> None:
    assert [list(row) for row in kept.installation.rows(TASKS)] == kept.known["tasks"]


def test_its_outcomes_have_the_same_problems(kept: Kept) -> None:
    assert problems(kept.installation) == kept.known["problems"]


@pytest.mark.parametrize("surface", ["communication", "gccp"])
def test_its_endpoints_of_webhooks_are_listed_with_their_health(kept: Kept, surface: str) -> None:
    said = kept.installation.says("webhook", "list", surface).splitlines()
    known = kept.known["endpoints"][surface].splitlines()
    assert [line for line in said if line in known] == known
    assert all(MISSED.search(line) for line in said if line not in known), "today the list also says what is missed"


def test_every_write_repeated_is_answered_as_before_and_records_nothing(kept: Kept) -> None:
    assert differences(kept.asking, kept.writes) == []
    assert kept.installation.rows(RECORDS) == [(kept.records,)]


def test_another_body_under_a_used_key_is_a_conflict(kept: Kept) -> None:
    """Of every write whose outcome is on record, refusals too."""
    changed = [one for one in kept.writes if one.keyed and one.position]
    found = {kept.asking.ask(one.by, one.method, one.path, other(one.body), one.headers).status_code for one in changed}
    assert found == {409}
    assert kept.installation.rows(RECORDS) == [(kept.records,)]


def other(body: str | None) -> str:
    """Different bytes that say the same."""
    return "{}" if body is None else f"{body} "


# --- it goes on -------------------------------------------------------------------------------------------------------


def test_every_read_model_is_built_anew_and_equal(kept: Kept) -> None:
    listed = kept.installation.says("projection", "list").splitlines()
    names = [line.split()[0] for line in listed if "read_models." in line and " live " in line]
    assert len(names) >= len(kept.known["read_models"]) - len(RETIRED)
    assert [name for name in names if ": equal" not in kept.installation.says("projection", "rebuild", name)] == []
    for name in names:
        kept.installation.says("projection", "drop", name)
    assert kept.installation.run("status").code == 0


@pytest.mark.parametrize("number", [0, 1])
def test_the_erased_stay_erased(kept: Kept, number: int) -> None:
    user = kept.known["kept"]["erased"][number]
    address = f"user{user}@example.com"
    assert address not in kept.installation.says("audit", "subject", f"communication:{user}", "--personal")
    assert address not in kept.installation.says("audit", "as-of", "communication_recipients", "now", "--personal")
    refused = kept.ask("ana", "POST", f"{API}/consent/email", {"user_id": user, "email": address})
    assert (refused.status_code, "erased" in refused.json()["error"]) == (400, True)


def test_personal_values_are_still_read(kept: Kept) -> None:
    assert "user101@example.com" in kept.installation.says("audit", "subject", "communication:101", "--personal")


def test_a_new_request_is_taken_and_chained_on(kept: Kept) -> None:
    body = {"user_id": 118, "trigger_type": "weekly_checkin", "data": {}, "priority": "critical", "channel": "email"}
    sent = kept.ask("ana", "POST", f"{API}/send", body, "a new key")
    assert sent.status_code == 200, sent.text
    task = sent.json()["task_id"]
    wait(lambda: kept.status(task) == "SUCCESS", "it has not gone out")
    assert kept.ask("ana", "POST", f"{API}/send", body, "a new key").json()["task_id"] == task
    assert "whole" in kept.installation.says("audit", "verify")


def test_a_message_scheduled_for_later_is_called_off(kept: Kept) -> None:
    scheduled = kept.known["kept"]["scheduled"]
    assert kept.status(scheduled) == "PENDING"
    assert kept.ask("ana", "POST", f"{API}/cancel/{scheduled}").status_code == 200
    assert kept.status(scheduled) == "REVOKED"


def url_of(name: str) -> str:
    return f"http://127.0.0.1:{SINK_PORT}/hooks/{name}"


def test_what_waited_is_carried_out_when_its_time_comes(kept: Kept) -> None:
    """A call put off at each provider, webhooks to receivers that were away, a timer of a message that was held."""
    for by in ("28000d", "12h"):  # the night of the one whose message was held may not be over at the first
        kept.installation.says("clock", "advance", by)
    assert kept.status(kept.known["kept"]["put off"]) == "SUCCESS"
    wait(lambda: kept.status(kept.known["kept"]["held"]) == "SUCCESS", "what was held has not gone out")
    generation = kept.known["kept"]["waiting generation"]
    wait(lambda: kept.generation(generation) == "completed", "the course is not written")
    away = {"/hooks/d", "/hooks/e", "/hooks/gccp"}
    wait(lambda: away <= set(kept.sink.journal.counts), "somebody has not been told")


def test_what_was_held_for_a_disabled_endpoint_is_recovered(kept: Kept) -> None:
    """Registered again it is the same endpoint with the same secret, and enabled; of the erased nothing is told."""
    endpoint, secret = kept.known["kept"]["endpoints"]["b"], kept.known["kept"]["secrets"]["/hooks/b"]
    held = [subject for (subject,) in kept.installation.rows(HELD, endpoint)]
    erased = {f"communication:{user}" for user in kept.known["kept"]["erased"]}
    added = kept.installation.says("webhook", "add", "communication", url_of("b"), "--event", "message.delivered")
    assert added.split() == [endpoint, secret]
    assert int(kept.installation.says("webhook", "recover", "communication", endpoint)) == len(held)
    living = sum(subject not in erased for subject in held)
    wait(lambda: kept.sink.journal.counts["/hooks/b"] >= living > 0, "not all of it has arrived")


def test_a_failed_generation_is_retried_and_completes(kept: Kept) -> None:
    failed = kept.known["kept"]["failed generation"]
    assert kept.ask("owner", "POST", f"{COURSE}/retry", {"generation_id": failed}).status_code == 200
    wait(lambda: kept.generation(failed) == "completed", "the course is not written")


def test_after_all_that_nothing_has_halted_and_the_history_verifies(kept: Kept) -> None:
    assert kept.installation.run("status").code == 0
    assert "whole" in kept.installation.says("audit", "verify")
    assert kept.installation.run("audit", "replay").code == 0
