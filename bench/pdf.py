"""Documents as PDF: the time of one, and how many a second the pool renders.

    python -m bench.pdf [--documents 20] [--workers 2]

The baseline: the same documents by the same renderer within this process, one after the other, without limits.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from documents.render.pool import PdfPool
from documents.render.renderer import Renderer
from documents.render.request import DocumentRequest, Options

LESSON = """
# Lesson {number}

Some *words* about **supervised learning** with `code`, a [link](https://example.org) and a note[^{number}].

## Formulas

Inline $E = mc^2 + {number}$, then

$$
\\hat{{\\beta}} = (X^\\top X)^{{-1}} X^\\top y
$$

```python
def mean(values: list[float]) -> float:
    return sum(values) / len(values)  # lesson {number}
```

| Model | Accuracy |
|:------|---------:|
| Linear | 0.81 |
| Neural | 0.97 |

- one
  - two

[^{number}]: The note of lesson {number}.
"""
SIZES = {"a lesson": 1, "20 lessons": 20, "200 lessons": 200}

console = Console(highlight=False, width=120)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--documents", type=int, default=20)
    options.add_argument("--workers", type=int, default=2)
    given = options.parse_args()
    table = Table("document", "KB in", "KB out", "in process: median ms", "pool: median ms", "pool: documents/s")
    for name, lessons in SIZES.items():
        documents = [_document(lessons, number) for number in range(max(2, given.documents // lessons))]
        table.add_row(name, *_measured(documents, given.workers))
    console.print(table)


def _document(lessons: int, number: int) -> DocumentRequest:
    text = "\n".join(LESSON.format(number=number * lessons + lesson) for lesson in range(lessons))
    return DocumentRequest(text, datetime(2026, 1, 1, tzinfo=UTC), Options("Lessons", "Headwater"))


def _measured(documents: list[DocumentRequest], workers: int) -> list[str]:
    alone, sizes = _in_process(documents)
    waits, seconds = asyncio.run(_in_pool(documents, workers))
    return [
        f"{len(documents[0].content) / 1024:.1f}",
        f"{statistics.median(sizes) / 1024:.1f}",
        f"{statistics.median(alone) * 1000:.1f}",
        f"{statistics.median(waits) * 1000:.1f}",
        f"{len(documents) / seconds:.1f}",
    ]


def _in_process(documents: list[DocumentRequest]) -> tuple[list[float], list[int]]:
    with tempfile.TemporaryDirectory() as nothing:
        renderer = Renderer(Path(nothing))
        renderer.pdf(_document(1, -1))
        timed = [_timed(renderer, document) for document in documents]
    return [seconds for seconds, _ in timed], [size for _, size in timed]


def _timed(renderer: Renderer, document: DocumentRequest) -> tuple[float, int]:
    before = time.perf_counter()
    pdf = renderer.pdf(document)
    return time.perf_counter() - before, len(pdf)


async def _in_pool(documents: list[DocumentRequest], workers: int) -> tuple[list[float], float]:
    """The latency of each document alone, and the seconds for all documents at once."""
    async with PdfPool(workers=workers, waiting=len(documents)) as pool:
        await asyncio.gather(*(pool.render(_document(1, -1)) for _ in range(workers)))
        waits = [await _waited(pool, document) for document in documents]
        before = time.perf_counter()
        await asyncio.gather(*(pool.render(document) for document in documents))
        return waits, time.perf_counter() - before


async def _waited(pool: PdfPool, document: DocumentRequest) -> float:
    before = time.perf_counter()
    await pool.render(document)
    return time.perf_counter() - before


if __name__ == "__main__":
    main()
