"""The OpenAPI of this surface: security, error codes, documented statuses and examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from api import openapi
from api.auth import BEARER

STATUSES = openapi.STATUSES | {
    "400": "Bad Request - Invalid request body or parameters",
    "401": "Unauthorized - Missing or invalid authentication",
    "403": "Forbidden - Valid auth but insufficient permissions",
    "404": "Not Found - Resource doesn't exist",
    "409": "Conflict - The Idempotency-Key was used before",
    "429": "Too Many Requests - Rate limit exceeded, see Retry-After",
    "500": "Internal Server Error - Unexpected server error",
    "503": "Service Unavailable - Temporary service outage, see Retry-After",
}
CODES = {
    ("generate", "400"): "MISSING_FIELDS",
    ("generate", "500"): "GENERATION_FAILED",
    ("export_pdf", "400"): "MISSING_CONTENT",
    ("export_pdf", "500"): "PDF_GENERATION_FAILED",
    ("retry", "400"): "MISSING_GENERATION_ID",
    ("retry", "500"): "RETRY_FAILED",
    ("stream", "400"): "MISSING_FIELDS",
    ("stream", "500"): "ANTHROPIC_ERROR",
    ("reply", "400"): "MISSING_FIELDS",
    ("reply", "500"): "ANTHROPIC_ERROR",
}
USUAL_CODES = {
    "202": "PENDING",
    "400": "INVALID_FIELDS",
    "401": "UNAUTHORIZED",
    "403": "FORBIDDEN",
    "404": "NOT_FOUND",
    "409": "IDEMPOTENCY_CONFLICT",
    "413": "BODY_TOO_LARGE",
    "429": "RATE_LIMITED",
    "500": "INTERNAL_ERROR",
    "503": "SERVICE_UNAVAILABLE",
}
RATE_LIMIT_HEADERS = openapi.rate_limit_headers(
    limit="Requests allowed in a minute",
    remaining="Requests left of them",
    reset="When the oldest is forgotten, epoch seconds",
)
TALK = {
    "system": "You are an expert educator.",
    "messages": [{"role": "user", "content": "Explain neural networks"}],
    "model": "claude-sonnet-4-5-20250929",
    "maxTokens": 4000,
    "temperature": 0.7,
}
ID = "550e8400-e29b-41d4-a716-446655440000"
EXAMPLES: dict[str, Any] = {
    "GenerateBody": {
        "topic": "Introduction to Machine Learning",
        "subtopics": "supervised learning, unsupervised learning, neural networks",
        "mode": "lecture",
        "transcript": "Machine learning is a subset of artificial intelligence...",
    },
    "GenerateAnswer": {"success": True, "generation_id": ID, "status": "queued"},
    "PdfBody": {
        "content": "# Machine Learning Basics\n\nMachine learning is...",
        "title": "ML Introduction",
        "author": "GCCP Platform",
        "filename": "ml-intro.pdf",
        "styling": {"headerColor": "#1a365d", "fontSize": 11, "lineHeight": 1.7},
    },
    "PdfHealthAnswer": {"status": "ok", "service": "PDF Generation API", "version": "1.0.0"},
    "RetryBody": {"generation_id": ID},
    "RetryAnswer": {"success": True, "generation_id": ID, "resumed_from": "DraftCreation"},
    "StreamBody": TALK,
    "ReplyAnswer": {
        "content": [{"type": "text", "text": "Neural networks are computational models..."}],
        "usage": {"input_tokens": 15, "output_tokens": 150},
    },
}
STREAM = """data: {"type":"chunk","content":"Neural networks are..."}

data: {"type":"chunk","content":"computational models..."}

data: [DONE]
"""
PROGRESS = """id: gccp/2/17
event: step_completed
data: {"generation_id":"550e8400-e29b-41d4-a716-446655440000","event":"step_completed","percent":40}
"""
STREAMED = {"stream": STREAM, "progress": PROGRESS}
NAMING = ("retry", "generations")
"""Endpoints that name a generation elsewhere than in the path: there may be none, or another user's."""


def describe(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Install the app's OpenAPI, completed for the routes of its routers."""
    openapi.describe(app, routers, _describe_route, examples=EXAMPLES)


def _describe_route(path: dict[str, Any], route: APIRoute) -> None:
    guarded = openapi.guard_of(route) is not None
    for method in route.methods or ():
        operation = path[method.lower()]
        responses = operation["responses"]
        _describe_success(responses["200"], route.name)
        for status in _statuses(method, guarded, route):
            responses.setdefault(status, _error(route.name, status))
        if guarded:
            operation["security"] = openapi.security_of(BEARER)
            responses["200"]["headers"] = RATE_LIMIT_HEADERS


def _describe_success(success: dict[str, Any], endpoint: str) -> None:
    if endpoint in STREAMED:
        success["content"] = {"text/event-stream": {"schema": {"type": "string"}, "example": STREAMED[endpoint]}}
    if endpoint == "export_pdf":
        success["content"] = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}


def _statuses(method: str, guarded: bool, route: APIRoute) -> list[str]:
    statuses = ["500", "503"]
    if guarded:
        statuses += ["400", "401", "429"]
    if guarded and method != "GET":
        statuses += ["202", "409", "413"]
    if "_id}" in route.path or route.name in NAMING:
        statuses += ["403", "404"]
    return statuses


def _error(endpoint: str, status: str) -> dict[str, Any]:
    code = CODES.get((endpoint, status), USUAL_CODES[status])
    example: dict[str, Any] = {"error": STATUSES[status].partition(" - ")[0], "code": code}
    if status == "429":
        example = {"error": "Rate limit exceeded", "code": code, "retry_after": 60}
    return openapi.error_response(STATUSES[status], example)
