"""The usage of a call to a language model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict


class Usage(BaseModel):
    """Tokens, and their cost in microcents (a millionth of a US cent). `estimated`: not counted by the provider."""

    model_config = ConfigDict(frozen=True)

    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microcents: int = 0
    estimated: bool = False

    @property
    def known(self) -> bool:
        """Whether anything was reported at all."""
        return self.input_tokens > 0 or self.output_tokens > 0

    @classmethod
    def reported(cls, output: Mapping[str, object] | None) -> Self:
        """The usage in a connector's output; all zero without one."""
        given = output or {}
        return cls.model_validate({field: given[field] for field in cls.model_fields if field in given})
