"""The sources of documents behind one connector, as the settings choose them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import providers
from connectors.document_sources import DocumentSources, SandboxDocuments
from connectors.google_credentials import ServiceAccount
from connectors.google_docs import GoogleDocs
from connectors.notion import Notion
from connectors.settings import GoogleSettings, NotionSettings
from domain.calls.document import Block, BlockKind, Document, FetchDocument, Source, Span
from streams.core.calls import Accepted, Connector, Rejected
from tests.imitations.google import ACCESS_TOKEN, API_KEY, GoogleImitation
from tests.imitations.notion import TOKEN, NotionImitation, block
from tests.imitations.web import PAGE, WebImitation

DEMONSTRATION = Document(
    title="Demonstration", blocks=(Block(kind=BlockKind.PARAGRAPH, spans=(Span(text="Breathe."),)),)
)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without settings of the sources."""
    for settings in (GoogleSettings, NotionSettings):
        for field in settings.model_fields.values():
            monkeypatch.delenv(str(field.validation_alias), raising=False)
    return monkeypatch


@pytest.fixture
def google() -> Iterator[GoogleImitation]:
    with GoogleImitation() as imitation:
        imitation.documents["d1"] = {"title": "Of Google", "body": {"content": [_paragraph("Text")]}}
        yield imitation


@pytest.fixture
def notion() -> Iterator[NotionImitation]:
    with NotionImitation() as imitation:
        imitation.add("p1", "Of Notion", block("paragraph", "Text"))
        yield imitation


def _paragraph(text: str) -> dict[str, object]:
    return {"paragraph": {"elements": [{"textRun": {"content": text}}]}}


def built(allow_private: bool = True) -> DocumentSources:
    return providers.documents(GoogleSettings(), NotionSettings(), DEMONSTRATION, allow_private)


async def title(sources: Connector[FetchDocument], source: Source, document_id: str) -> str:
    verdict = await sources(FetchDocument(source=source, document_id=document_id), "key")
    assert isinstance(verdict, Accepted), verdict
    return Document.model_validate(verdict.output).title


async def test_without_credentials_any_id_is_the_demonstration() -> None:
    sources = built()
    for source in (Source.GOOGLE_DOCS, Source.NOTION):
        assert await title(sources, source, "any id") == "Demonstration"
    await sources.close()


async def test_the_demonstration_has_a_version_that_stays() -> None:
    effect = FetchDocument(source=Source.NOTION, document_id="a")
    first, second = (
        await SandboxDocuments(DEMONSTRATION)(effect, "1"),
        await SandboxDocuments(DEMONSTRATION)(effect, "2"),
    )
    assert first == second


async def test_every_source_answers_for_its_own(
    environment: pytest.MonkeyPatch, google: GoogleImitation, notion: NotionImitation
) -> None:
    for name in ("GOOGLE_DOCS_BASE_URL", "GOOGLE_DRIVE_BASE_URL"):
        environment.setenv(name, google.url)
    environment.setenv("GOOGLE_ACCESS_TOKEN", ACCESS_TOKEN)
    environment.setenv("NOTION_BASE_URL", notion.url)
    environment.setenv("NOTION_API_KEY", TOKEN)
    sources = built()
    with WebImitation() as web:
        assert await title(sources, Source.URL, web.publish("/", PAGE)) == "A page"
    assert await title(sources, Source.GOOGLE_DOCS, "d1") == "Of Google"
    assert await title(sources, Source.NOTION, "p1") == "Of Notion"
    await sources.close()


async def test_private_addresses_are_fetched_only_where_that_is_allowed() -> None:
    sources = built(allow_private=False)
    verdict = await sources(FetchDocument(source=Source.URL, document_id="http://127.0.0.1/"), "key")
    await sources.close()
    assert isinstance(verdict, Rejected)
    assert verdict.code == "not_public"


async def test_a_source_that_is_not_there_is_a_refusal() -> None:
    verdict = await DocumentSources({})(FetchDocument(source=Source.NOTION, document_id="a"), "key")
    assert isinstance(verdict, Rejected)
    assert verdict.code == "credentials"


async def test_the_token_goes_before_the_account_and_the_account_before_the_key(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("GOOGLE_DOCS_API_KEY", API_KEY)
    assert await chosen() == {"X-Goog-Api-Key": API_KEY}
    environment.setenv("GOOGLE_SERVICE_ACCOUNT_FILE", str(tmp_path / "account.json"))
    account = providers.google_credentials(GoogleSettings())
    assert isinstance(account, ServiceAccount)
    await account.close()
    environment.setenv("GOOGLE_ACCESS_TOKEN", ACCESS_TOKEN)
    assert await chosen() == {"Authorization": f"Bearer {ACCESS_TOKEN}"}


async def chosen() -> dict[str, str]:
    credentials = providers.google_credentials(GoogleSettings())
    assert credentials is not None
    headers = dict(await credentials.headers())
    await credentials.close()
    return headers


async def test_notions_token_goes_before_its_key(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NOTION_API_KEY", "key")
    environment.setenv("NOTION_TOKEN", "token")
    credential = NotionSettings().credential
    assert credential is not None
    assert credential.get_secret_value() == "token"


def test_settings_say_whether_they_are_complete(environment: pytest.MonkeyPatch) -> None:
    assert (GoogleSettings().complete, NotionSettings().complete) == (False, False)
    environment.setenv("GOOGLE_DOCS_API_KEY", API_KEY)
    environment.setenv("NOTION_TOKEN", TOKEN)
    assert (GoogleSettings().complete, NotionSettings().complete) == (True, True)


@pytest.mark.parametrize("connector", [DocumentSources, SandboxDocuments, GoogleDocs, Notion])
def test_a_fetch_may_be_repeated(connector: type[Connector[FetchDocument]]) -> None:
    assert connector.idempotent
