"""The products that this installation serves, each a record. A product is added here by one line."""

from __future__ import annotations

from products.communication import COMMUNICATION
from products.gccp import GCCP
from products.product import Product

PRODUCTS: tuple[Product, ...] = (COMMUNICATION, GCCP)
