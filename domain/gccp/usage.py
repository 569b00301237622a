"""What a call to a language model used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict


class Usage(BaseModel):
    """Tokens, and their cost in microcents (a millionth of a US cent). `estimated`: the provider never counted them."""

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
        """What a connector's answer says of it; all zero when it says nothing."""
        given = output or {}
        return cls.model_validate({field: given[field] for field in cls.model_fields if field in given})
