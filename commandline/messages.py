"""The preview of a message, for `headwater preview`."""

from __future__ import annotations

from commandline import Stop
from products import PRODUCTS


def preview_message(trigger_type: str, channel: str, values: str, html: bool) -> str:
    """The preview by the product that has one; raises Stop for a message without a template."""
    for product in PRODUCTS:
        if product.preview is not None:
            try:
                return product.preview(trigger_type, channel, values, html)
            except ValueError as reason:
                raise Stop(str(reason)) from None
    raise Stop("no product here has messages to preview")
