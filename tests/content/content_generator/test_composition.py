"""What is composed from any document: escaped, within limits, true to the document, and always the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from content.content_generator.composition import compose
from content.content_generator.demonstration import DEMONSTRATION
from content.content_generator.plain_text import has_control_characters, safe_link
from content.content_generator.rendering import UnknownTemplate
from domain.calls.document import Block, BlockKind, Document, Span
from domain.calls.social_post import Network
from domain.content_generator.composed import LARGEST_HTML, NETWORKS, Composed, CompositionOptions, TooLarge, pinned
from domain.content_generator.kinds import Channel, TemplateName
from domain.social.text import fits, links_in
from tests.content.content_generator.digests import ALL, digest, recorded
from tests.content.content_generator.markdown_documents import DOCUMENTS as REALISTIC
from tests.content.content_generator.strategies import ALLOWED, DOCUMENTS, read

TEMPLATES = [pinned(template) for template in TemplateName]
EVERYTHING = frozenset(Channel)
FIGURE = re.compile(r"\d+(?:[.,]\d+)*")


def paragraph(text: str, link: str | None = None) -> Block:
    return Block(kind=BlockKind.PARAGRAPH, spans=(Span(text=text, link=link),))


def document(*blocks: Block, title: str = "News") -> Document:
    return Document(title=title, blocks=blocks)


def htmls(composed: Composed) -> list[str]:
    assert composed.email is not None
    assert composed.web is not None
    return [composed.email.html, composed.web.html]


def links_of(one: Document) -> Iterator[str]:
    for block in one.blocks:
        yield from (link for span in block.spans if (link := safe_link(span.link)) is not None and span.text.strip())


@settings(max_examples=40, deadline=None)
@given(DOCUMENTS, st.sampled_from(TEMPLATES))
def test_html_holds_only_elements_of_the_templates_and_every_text_is_escaped(one: Document, template: str) -> None:
    for html in htmls(compose(one, EVERYTHING, template)):
        seen = read(html)
        assert seen.balanced
        assert seen.tags <= ALLOWED
        assert not [name for _, attributes in seen.elements for name in attributes if name.startswith("on")]
        assert all(re.match(r"(?:https?|mailto):", link) for link in seen.links)
        assert "\x00" not in html


@settings(max_examples=40, deadline=None)
@given(DOCUMENTS)
def test_every_post_is_within_its_limit_and_ends_with_its_hashtags(one: Document) -> None:
    posts = compose(one, EVERYTHING, "modern@1").social
    assert {post.platform for post in posts} == set(Network)
    for post in posts:
        assert fits(post.platform, post.text)
        assert post.text.endswith(" ".join(post.hashtags))
        assert all(re.fullmatch(r"#\w+", hashtag) for hashtag in post.hashtags)


@settings(max_examples=40, deadline=None)
@given(DOCUMENTS)
def test_a_subject_and_a_title_are_one_line_of_printable_text(one: Document) -> None:
    composed = compose(one, EVERYTHING, "minimal@1")
    assert composed.email is not None
    assert composed.web is not None
    for line in (composed.email.subject, composed.web.title):
        assert line.strip() == line != ""
        assert not has_control_characters(line)


@settings(max_examples=40, deadline=None)
@given(DOCUMENTS, st.sampled_from(TEMPLATES))
def test_the_same_document_gives_the_same_bytes_and_survives_the_log(one: Document, template: str) -> None:
    composed = compose(one, EVERYTHING, template)
    stored = composed.model_dump_json()
    assert compose(one, EVERYTHING, template).model_dump_json() == stored
    assert Composed.model_validate_json(stored) == composed


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("name", ALL)
def test_mail_and_page_keep_every_figure_and_every_link(name: str, template: str) -> None:
    composed = compose(ALL[name], EVERYTHING, template)
    assert composed.email is not None
    figures = {figure for block in ALL[name].blocks if not is_metadata(block) for figure in FIGURE.findall(block.text)}
    for html in htmls(composed):
        assert figures <= set(FIGURE.findall(read(html).text))
        assert set(links_of(ALL[name])) == set(read(html).links)
    assert figures <= set(FIGURE.findall(composed.email.text))
    assert all(link.removeprefix("mailto:") in composed.email.text for link in links_of(ALL[name]))


def is_metadata(block: Block) -> bool:
    return re.match(r"(?:Tags|Date|Category): ", block.text) is not None


@pytest.mark.parametrize("name", ALL)
def test_a_post_holds_no_figure_and_no_link_that_the_document_lacks(name: str) -> None:
    one = ALL[name]
    texts = "\n".join([one.title, *(block.text for block in one.blocks)])
    links = {*links_of(one), *(texts[place.start : place.end] for place in links_in(texts))}
    for post in compose(one, EVERYTHING, "plain@1").social:
        found = {post.content[place.start : place.end] for place in links_in(post.content)}
        assert {link.rstrip(").,") for link in found} <= {link.rstrip(").,") for link in links}
        without = re.sub(r"\S*(?:://|@|\.\w)\S*", "", post.content)
        assert set(FIGURE.findall(without)) <= set(FIGURE.findall(texts))


@pytest.mark.parametrize("entry", recorded())
def test_a_used_template_goes_on_composing_what_it_composed(entry: str) -> None:
    """A changed template or rule gets a new version; these digests stay."""
    assert digest(entry) == recorded()[entry]


def test_every_current_template_is_recorded() -> None:
    assert {f"{name} {template}" for name in ALL for template in TEMPLATES} <= recorded().keys()


def test_only_the_channels_asked_for_are_composed() -> None:
    composed = compose(DEMONSTRATION, {Channel.EMAIL, Channel.LINKEDIN}, "modern@1")
    assert composed.web is None
    assert [post.platform for post in composed.social] == [NETWORKS[Channel.LINKEDIN]]
    assert set(composed.public()) == {"email", "social"}


def test_the_public_form_has_the_documented_keys() -> None:
    public = compose(DEMONSTRATION, EVERYTHING, "modern@1").public()
    email, web, social = public["email"], public["web"], public["social"]
    assert isinstance(email, dict)
    assert isinstance(web, dict)
    assert isinstance(social, list)
    assert set(email) == {"subject", "html", "text"}
    assert set(web) == {"title", "html", "tags", "seo_metadata"}
    assert [set(post) for post in social if isinstance(post, dict)] == [{"platform", "content", "hashtags"}] * 3


@pytest.mark.parametrize(
    "template", ["modern", "modern@2", "modern@0", "modern@01", "../x@1", "summary@1", "modern@1 ", ""]
)
def test_an_unknown_template_is_refused(template: str) -> None:
    with pytest.raises(UnknownTemplate):
        compose(DEMONSTRATION, EVERYTHING, template)


def test_the_title_is_the_documents_own_else_its_first_heading_else_its_first_sentence() -> None:
    heading = Block(kind=BlockKind.HEADING, spans=(Span(text="[Hardware] A new strap"),), level=1)
    assert title_of(document(heading, title="  Spring\x07 news ")) == "Spring news"
    assert title_of(document(paragraph("Hello."), heading, title="")) == "A new strap"
    assert title_of(document(paragraph("Tags: calm"), paragraph("Breathe in. Breathe out."), title="")) == "Breathe in."
    assert title_of(document(title="")) == "Update"


def title_of(one: Document) -> str:
    composed = compose(one, EVERYTHING, "plain@1")
    assert composed.email is not None
    assert composed.web is not None
    assert composed.email.subject == composed.web.title
    return composed.web.title


def test_a_heading_that_repeats_the_title_is_shown_once() -> None:
    heading = Block(kind=BlockKind.HEADING, spans=(Span(text="News"),), level=1)
    composed = compose(document(heading, paragraph("Breathe.")), EVERYTHING, "plain@1")
    assert composed.email is not None
    assert composed.email.html.count("News</h1>") == 1
    assert "<h2>" not in composed.email.html


@pytest.mark.parametrize(
    ("given_values", "text"),
    [
        ({"name": "Ana"}, "Dear Ana, {{ other }} {{}}"),
        ({"name": "<b>{{other}}</b>", "other": 5}, "Dear <b>{{other}}</b>, 5 {{}}"),
        ({"other": ["a", 1.5, None, True]}, 'Dear {{name}}, ["a", 1.5, null, true] {{}}'),
    ],
)
def test_placeholders_become_values_as_text_and_nothing_else(given_values: dict[str, JsonValue], text: str) -> None:
    spans = (Span(text="Dear {{na", bold=True), Span(text="me}}, {{ other }} {{}}"))
    one = document(Block(kind=BlockKind.PARAGRAPH, spans=spans), title="For {{name}}")
    options = CompositionOptions(custom_data=given_values)
    composed = compose(one, EVERYTHING, "plain@1", options)
    assert text in read(htmls(composed)[1]).text
    assert composed.web is not None
    assert composed.web.title == f"For {given_values.get('name', '{{name}}')}"


def test_a_placeholder_that_stands_for_too_much_is_refused() -> None:
    one = document(paragraph("{{x}}" * 40_000))
    with pytest.raises(TooLarge) as refusal:
        compose(one, EVERYTHING, "plain@1", CompositionOptions(custom_data={"x": "y" * 8_000}))
    assert refusal.value.part == "composed"


def test_too_much_html_is_refused_by_the_name_of_the_part() -> None:
    one = document(*(paragraph("<>" * 50) for _ in range(1_000)))
    with pytest.raises(TooLarge) as refusal:
        compose(one, {Channel.WEBSITE}, "plain@1")
    assert (refusal.value.part, refusal.value.limit) == ("web.html", LARGEST_HTML)
    with pytest.raises(TooLarge) as refusal:
        compose(one, {Channel.EMAIL}, "plain@1")
    assert refusal.value.part == "email.html"


def test_too_much_in_all_is_refused() -> None:
    one = document(*(paragraph("calm " * 50) for _ in range(1_000)))
    assert compose(one, {Channel.WEBSITE}, "plain@1").web is not None
    with pytest.raises(TooLarge) as refusal:
        compose(one, EVERYTHING, "plain@1")
    assert refusal.value.part == "composed"


def test_search_metadata_has_a_picture_where_the_document_links_to_one() -> None:
    with_picture = compose(REALISTIC["product_launch"], EVERYTHING, "modern@1").web
    assert with_picture is not None
    assert with_picture.seo_metadata is not None
    assert with_picture.seo_metadata.public() == {
        "meta_description": "Today we announce the Breathscape Band 2, the smallest wearable that measures heart rate "
        "variability during breathing exercises.",
        "keywords": [],
        "og_title": "Introducing Breathscape Band 2",
        "og_image": "https://cdn.halcytone.example.com/press/band-2.jpg",
    }
    assert "og_image" not in str(compose(DEMONSTRATION, EVERYTHING, "modern@1").public())


def test_without_search_optimization_the_metadata_is_empty() -> None:
    page = compose(DEMONSTRATION, EVERYTHING, "modern@1", CompositionOptions(seo_optimize=False)).web
    assert page is not None
    assert page.public()["seo_metadata"] == {}


def test_a_post_on_x_says_title_beginning_link_and_hashtags() -> None:
    post = compose(REALISTIC["spring_newsletter"], EVERYTHING, "modern@1").post(Network.TWITTER)
    assert post is not None
    assert post.text == (
        "Halcytone Newsletter: March 2024\n\n"
        "March brings longer days, and three things that we are proud to share. If you read only one, let it be the "
        "breathing tip at the end.\n\n"
        "https://halcytone.example.com/tour?utm_source=newsletter&utm_medium=email\n\n"
        "#newsletter #breathwork #Spring2024"
    )


def test_a_post_of_a_long_title_and_a_long_text_is_cut_to_its_limit() -> None:
    one = document(paragraph("Breathe in for 4 seconds. " * 5_000, "https://example.com/calm"), title="Calm " * 39)
    x, _, facebook = compose(one, EVERYTHING, "plain@1").social
    assert x.content.endswith("Breathe in for 4 seconds.\n\nhttps://example.com/calm")
    assert facebook.content.count("Breathe in") > 2_000
