"""Embeddings in this process, by the static vectors that the package wordllama brings along: never the network.

The package is not imported: it sets up logging and brings a client for downloads. Its model is a table with a vector
for each token, and a text's vector is their mean.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.embeddings import Verdict, checked
from streams.core.calls import Rejected

if TYPE_CHECKING:  # imports that take longer than everything else in a worker
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

MODEL = "wordllama-l2-supercat-256"
DIMENSIONS = 256
NAME = "the built-in model"

WEIGHTS = Path("weights", "l2_supercat_256.safetensors")
TOKENIZER = Path("tokenizers", "l2_supercat_tokenizer_config.json")


class LocalEmbeddings:
    """The connector. The model is loaded at the first text, once, and all work is done in threads."""

    provider = "local"

    def __init__(self) -> None:
        self._loading = threading.Lock()
        self._loaded: StaticModel | None = None

    def model_for(self, _named: str) -> str:
        return MODEL

    async def embed(self, model: str, texts: Sequence[str]) -> Verdict:
        try:
            vectors, tokens = await asyncio.to_thread(self._vectors, texts)
        except (OSError, ImportError) as error:
            return Rejected("no_model", f"{NAME} is not installed ({type(error).__name__})")
        return checked(NAME, self.model_for(model), texts, vectors, tokens)

    async def close(self) -> None:
        self._loaded = None

    def _vectors(self, texts: Sequence[str]) -> tuple[list[list[float]], int]:
        with self._loading:
            model = self._loaded = self._loaded or StaticModel.of(_package())
        return model.vectors(texts)


class StaticModel:
    """A table of vectors by token."""

    def __init__(self, table: NDArray[np.float16], tokenizer: Tokenizer) -> None:
        self._table = table
        self._tokenizer = tokenizer

    @classmethod
    def of(cls, package: Path) -> StaticModel:
        """The model in a package's directory; raises OSError where it is not."""
        from safetensors.numpy import load_file  # noqa: PLC0415 - see above
        from tokenizers import Tokenizer  # noqa: PLC0415 - likewise

        tokenizer = Tokenizer.from_str((package / TOKENIZER).read_text())
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return cls(load_file(package / WEIGHTS)["embedding.weight"], tokenizer)

    def vectors(self, texts: Sequence[str]) -> tuple[list[list[float]], int]:
        """The vectors of the texts, and the number of their tokens."""
        ids = [each.ids for each in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]
        return [self._mean(tokens) for tokens in ids], sum(map(len, ids))

    def _mean(self, tokens: list[int]) -> list[float]:
        if not tokens:
            return [0.0] * DIMENSIONS
        mean: list[float] = self._table[tokens].mean(axis=0, dtype="float32").tolist()
        return mean


def _package() -> Path:
    found = find_spec("wordllama")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("wordllama")
    return Path(found.origin).parent
