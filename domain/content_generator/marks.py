"""Marks: what stands for a person where the address or client id itself must not, by kind.

A mark is a hex HMAC-SHA-256 under the installation's secret of kind, tenant, and lower-cased address or client id.
"""

from __future__ import annotations

RECIPIENT, CLIENT = "recipient", "client"
"""The kinds of people: who gets campaigns, and who takes part in live sessions."""
