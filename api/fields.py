"""The base of request bodies, the same on every surface."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """The body of a request, or an object in it. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")
