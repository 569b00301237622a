"""The records of the products that this installation serves. One line here adds a product."""

from __future__ import annotations

from products.communication import COMMUNICATION
from products.content_generator import CONTENT_GENERATOR
from products.creator_hub import CREATOR_HUB
from products.gccp import GCCP
from products.product import Product

PRODUCTS: tuple[Product, ...] = (COMMUNICATION, GCCP, CONTENT_GENERATOR, CREATOR_HUB)
