"""The pool of render processes, which may die, hang or run out of memory: every caller gets an answer."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from documents.confined.failures import Late
from documents.confined.process import ConfinedProcess
from documents.errors import (
    DocumentError,
    DocumentTooLarge,
    RendererBusy,
    RenderFailed,
    RenderTimeout,
)
from documents.render.job import render_job, request_body
from documents.render.pool import PdfPool
from documents.render.request import DocumentLimits, DocumentRequest, Rendered
from tests.documents.documents import AT, request
from tests.documents.hostile import HOSTILE
from tests.documents.reading import letters_of, metadata_of, text_of

ENDLESS = "[" * 900_000
"""The parser's time grows with the square of this: minutes."""

GREEDY = "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 6_000
"""A hundred megabytes of laid-out table cells."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")


@pytest.fixture
async def pool() -> AsyncIterator[PdfPool]:
    async with PdfPool(DocumentLimits(seconds=60)) as pool:
        yield pool


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def processor_seconds(pid: int) -> float:
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def is_gone(pid: int) -> bool:
    """Ended, be it that nobody has asked yet how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def started(pool: PdfPool, document: DocumentRequest) -> tuple[asyncio.Task[Rendered], int]:
    """A document in the midst of being rendered, and the process that is at it."""
    await pool.render(request("warm"))
    (pid,) = pool.pids
    before = processor_seconds(pid)
    task = asyncio.create_task(pool.render(document))
    await until(lambda: processor_seconds(pid) > before + 0.1)
    return task, pid


async def test_a_document_is_rendered_with_everything_it_says(pool: PdfPool) -> None:
    pdf = (await pool.render(request("# שלום \ud800 $x$", title="Title \ud800", author="Author"))).pdf
    assert "שלום" in letters_of(pdf)
    known = metadata_of(pdf)
    assert (known["Title"], known["Author"]) == ("Title �", "Author")
    assert known["CreationDate"] == f"D:{AT:%Y%m%d%H%M%SZ}"


async def test_one_process_renders_one_document_after_the_other(pool: PdfPool) -> None:
    await pool.render(request("one"))
    pids = pool.pids
    await asyncio.gather(*(pool.render(request(f"more {number}")) for number in range(5)))
    assert pool.pids == pids


async def test_documents_at_the_same_time_get_each_its_own_pdf() -> None:
    async with PdfPool(workers=2) as pool:
        pdfs = await asyncio.gather(*(pool.render(request(f"number {number}")) for number in range(10)))
        assert len(pool.pids) == 2
    assert [text_of(each.pdf) for each in pdfs] == [f"number {number} 1 / 1" for number in range(10)]


async def test_a_process_killed_in_the_midst_of_a_document_fails_that_one_and_the_next_has_a_new_one(
    pool: PdfPool,
) -> None:
    task, pid = await started(pool, request(ENDLESS))
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(RenderFailed, match=r"the renderer ended with -9 while it was at the document"):
        await task
    assert text_of((await pool.render(request("next"))).pdf) == "next 1 / 1"
    assert pool.pids != [pid]


async def test_a_process_killed_between_two_documents_fails_one_at_most(pool: PdfPool) -> None:
    await pool.render(request("one"))
    (pid,) = pool.pids
    os.kill(pid, signal.SIGKILL)
    await until(lambda: is_gone(pid))
    try:
        await pool.render(request("two"))
    except RenderFailed:
        assert text_of((await pool.render(request("three"))).pdf) == "three 1 / 1"


async def test_a_document_that_takes_too_long_is_ended_and_says_so() -> None:
    async with PdfPool(DocumentLimits(seconds=1)) as pool:
        task, pid = await started(pool, request(ENDLESS))
        with pytest.raises(RenderTimeout, match="the document takes longer than 1 seconds to render"):
            await task
        assert is_gone(pid)
        assert text_of((await pool.render(request("next"))).pdf) == "next 1 / 1"


async def test_a_document_that_takes_too_much_memory_is_ended_and_says_so() -> None:
    async with PdfPool(DocumentLimits(seconds=60, memory_bytes=230 << 20)) as pool:
        with pytest.raises(DocumentTooLarge, match="the document takes more memory than one document may"):
            await pool.render(request(GREEDY))
        assert text_of((await pool.render(request("next"))).pdf) == "next 1 / 1"


async def test_after_a_document_that_took_much_memory_the_process_is_replaced() -> None:
    async with PdfPool(DocumentLimits(seconds=60, memory_bytes=500 << 20)) as pool:
        await pool.render(request("small"))
        assert len(pool.pids) == 1
        await pool.render(request("word " * 150_000))
        assert pool.pids == []
        assert text_of((await pool.render(request("next"))).pdf) == "next 1 / 1"


async def test_a_document_with_more_bytes_than_may_be_is_refused_before_anything_is_done(pool: PdfPool) -> None:
    with pytest.raises(DocumentTooLarge, match=r"the document has 1,048,577 bytes; 1,048,576 is the most"):
        await pool.render(request("ä" * ((1 << 19) - 1), title="äa"))
    assert pool.pids == []


async def test_a_pdf_with_more_bytes_than_may_be_is_refused() -> None:
    async with PdfPool(DocumentLimits(pdf_bytes=1_000)) as pool:
        with pytest.raises(DocumentTooLarge, match=r"the PDF would have [\d,]+ bytes; one document may have 1,000"):
            await pool.render(request("text"))


async def test_a_caller_who_goes_away_takes_the_process_with_them_and_leaves_the_place_free(pool: PdfPool) -> None:
    task, pid = await started(pool, request(ENDLESS))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert is_gone(pid)
    assert text_of((await pool.render(request("next"))).pdf) == "next 1 / 1"


async def test_a_caller_who_goes_away_while_a_long_answer_comes_leaves_the_place_free_too(pool: PdfPool) -> None:
    """With so much in hand, asyncio usually reads on only when some of it is taken; the end has to be noticed."""
    await pool.render(request("warm"))
    process = pool._workers[0]._process
    assert process is not None
    assert process.stdout is not None
    task = asyncio.create_task(pool.render(request(" ".join(f"{number:x}" for number in range(120_000)))))
    async with asyncio.timeout(30):
        while len(process.stdout._buffer) <= 128 << 10:  # type: ignore[attr-defined]
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()
    assert text_of((await pool.render(request("next"))).pdf) == "next 1 / 1"


async def test_more_documents_than_may_wait_are_refused_at_once_and_those_that_wait_are_rendered() -> None:
    async with PdfPool(DocumentLimits(seconds=60), waiting=2) as pool:
        task, _ = await started(pool, request(ENDLESS))
        waiting = [asyncio.create_task(pool.render(request("patient"))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(RendererBusy, match="2 documents wait to be rendered"):
            await pool.render(request("late"))
        task.cancel()
        pdfs = await asyncio.gather(*waiting)
    assert [text_of(each.pdf) for each in pdfs] == ["patient 1 / 1"] * 2


async def test_a_closed_pool_has_no_processes_and_fails_what_it_is_asked() -> None:
    pool = PdfPool(DocumentLimits(seconds=60))
    task, pid = await started(pool, request(ENDLESS))
    waiting = asyncio.create_task(pool.render(request("patient")))
    await asyncio.sleep(0)
    await pool.close()
    for late in (task, waiting, pool.render(request("late"))):
        with pytest.raises(RenderFailed):
            await late
    assert is_gone(pid)
    assert pool.pids == []


async def test_a_pool_closed_while_a_process_starts_leaves_none_behind() -> None:
    pool = PdfPool()
    task = asyncio.create_task(pool.render(request("early")))
    await asyncio.sleep(0)
    await pool.close()
    with pytest.raises(RenderFailed):
        await task
    assert pool.pids == []


async def test_processes_do_not_outlive_a_parent_that_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    before = processor_seconds(pid)
    await until(lambda: processor_seconds(pid) > before + 0.3)
    parent.kill()
    await parent.wait()
    await until(lambda: is_gone(pid), seconds=5)


PARENT = """
import asyncio
from datetime import UTC, datetime
from documents.render.pool import PdfPool
from documents.render.request import DocumentLimits, DocumentRequest, Rendered

async def main():
    pool = PdfPool(DocumentLimits(seconds=600))
    await pool.render(DocumentRequest("warm", datetime.now(UTC)))
    print(*pool.pids, flush=True)
    await pool.render(DocumentRequest("[" * 900_000, datetime.now(UTC)))

asyncio.run(main())
"""


async def test_the_kernel_ends_a_process_whose_parent_does_not(tmp_path: Path) -> None:
    worker = ConfinedProcess(render_job(DocumentLimits(seconds=0.5)), tmp_path)
    await worker.perform(request_body(request("warm")))
    worker.job = render_job(DocumentLimits(seconds=600))  # the parent's clock is out of the way
    with pytest.raises(Late, match="more of the processor's time than one document may"):
        await worker.perform(request_body(request(ENDLESS)))


async def test_a_process_knows_no_secret_of_its_parent(pool: PdfPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "very-secret")
    await pool.render(request("text"))
    (pid,) = pool.pids
    assert b"very-secret" not in Path(f"/proc/{pid}/environ").read_bytes()


async def test_a_process_can_write_no_file(pool: PdfPool) -> None:
    await pool.render(request("text"))
    limits = Path(f"/proc/{pool.pids[0]}/limits").read_text()
    assert [line.split()[3:5] for line in limits.splitlines() if line.startswith("Max file size")] == [["0", "0"]]


@pytest.fixture(scope="module")
def secrets() -> list[str]:
    """Lines that are in a PDF only if a file was read."""
    return [line for line in Path("/etc/passwd").read_text().splitlines() if line]


async def test_hostile_documents_are_answered_with_a_pdf_or_a_reason_and_read_nothing(secrets: list[str]) -> None:
    broken = {}
    async with PdfPool(DocumentLimits(seconds=60), workers=2, waiting=100) as pool:

        async def answer(name: str, content: str) -> None:
            try:
                pdf = (await pool.render(request(content, title=content[:1000], author=content[:1000]))).pdf
            except DocumentError as error:
                broken[name] = type(error)
                return
            text = text_of(pdf)
            assert not any(secret in text for secret in secrets), name

        await asyncio.gather(*(answer(name, content) for name, content in HOSTILE.items()))
    assert broken == {
        "a table of a thousand columns": DocumentTooLarge,
        "a thousand quotations": DocumentTooLarge,
        "a list of two hundred levels": DocumentTooLarge,
        "notes within notes": DocumentTooLarge,
    }
