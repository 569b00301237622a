"""The actions of `headwater keys` on tokens: issue, list, revoke, and the rotation of the key that signs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

import psycopg
from rich.console import Console

import bootstrap
import installation_secrets
from api.auth import TENANT, Grant, SigningKeys, parse_limit, refresh_audience
from api.mounts import canonical, mount_of
from commandline import Stop
from commandline.installation import check_readable, existing_database, has_embedded_database, time_of
from commandline.orders import AT_ONCE, submit_commands
from commands.tokens import RecordToken, RevokeHolder, RevokeToken
from domain.messages import Command
from products.product import Option, Product
from projections.tokens import TokenRow, issued_tokens
from settings import Settings
from streams.core.read_models import Row
from streams.postgres.database import connect_plain
from streams.postgres.tasks import order
from streams.secret_files import read_or_create_secret

console = Console(highlight=False, soft_wrap=True)
EVERY = "all"
NOT_RECORDED = "not on record, as no database answers: `keys list` will not show it, `keys revoke --subject` reaches it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Request for a token. Without scopes or lifetime, those of the product apply.

    `options` says which of the optional parts are given, `tier` and `tenant` among them.
    """

    subject: str
    scopes: Sequence[str] = ()
    limits: Sequence[str] = ()
    lifetime: timedelta | None = None
    options: Mapping[Option, bool] = field(default_factory=dict)
    tier: str | None = None
    tenant: str | None = None

    @property
    def given(self) -> list[Option]:
        """The optional parts that are given."""
        valued: dict[Option, bool] = {"tier": self.tier is not None, "tenant": self.tenant is not None}
        return [option for option, given in (*self.options.items(), *valued.items()) if given]


class Issued(NamedTuple):
    """An issued token: its text, its content, whether it is on record, and whether it is a refresh token."""

    text: str
    grant: Grant
    recorded: bool
    refresh: bool = False


def issue_token(settings: Settings, surface: str, wanted: Wanted) -> Issued:
    """Issue a token, and put it on record where the database answers.

    Raises Stop for a surface, scope, limit or option that does not exist, and where no key is that signs.
    """
    product = _product(surface)
    if not installation_secrets.can_sign(settings):
        raise Stop(
            f"there is no installation in {settings.data}, so nothing would accept the token:"
            " `headwater up` makes one; elsewhere HEADWATER_TOKEN_SECRET gives the key"
        )
    _refuse_unused(product, surface, wanted.given)
    scopes, limits = _scopes(product, surface, wanted), dict(_limit(product, text) for text in wanted.limits)
    tenant, tier = _tenant(wanted), _tier(product, surface, wanted)
    refresh = bool(wanted.options.get("refresh"))
    lifetime = wanted.lifetime or (product.credential.refresh_lifetime if refresh else product.credential.lifetime)
    tokens = bootstrap.tokens(settings, refresh_audience(canonical(surface)) if refresh else canonical(surface))
    connection = _answering(settings)
    now = datetime.now(UTC) if connection is None else time_of(connection)
    grant = Grant(str(uuid4()), wanted.subject, scopes, limits, now, now + lifetime, tenant, tier)
    recorded = connection is not None and product.records_tokens
    if connection is not None:
        with connection:
            if recorded:
                _record(connection, product, grant, installation_secrets.signing_keys(settings))
    return Issued(tokens.sign(grant), grant, recorded, refresh)


def describe(issued: Issued) -> str:
    """Description of a token's rights and lifetime, for the person who issued it."""
    grant = issued.grant
    scopes = " ".join(grant.scopes) or "none"
    more = _options_shown(grant.tenant, grant.tier, "; ")
    until = f"{grant.expires_at:%Y-%m-%d %H:%M} UTC"
    kind = "refresh token; " if issued.refresh else ""
    said = f"{kind}scopes: {scopes}{more}; subject {grant.holder}; until {until}; id {grant.token_id}"
    return said if issued.recorded else f"{said}\n{NOT_RECORDED}"


def list_tokens(settings: Settings, surface: str) -> None:
    """Print every token on record: its id, holder, scopes, limits, times, and whether it still counts."""
    product = _recording(surface)
    with connect_plain(existing_database(settings), "headwater keys") as connection:
        check_readable(connection, *_tables(product))
        now = time_of(connection)
        for row in issued_tokens(connection, product.name):
            console.print(_line(row, now), markup=False)


def revoke_tokens(settings: Settings, surface: str, subject: str | None, token_id: str | None) -> str:
    """Make void one token, or every token of a subject that was issued up to now; returns a sentence."""
    if (subject is None) == (token_id is None):
        raise Stop("which token? Give either --subject S, for all of theirs up to now, or --id JTI")
    product = _recording(surface)
    with connect_plain(existing_database(settings), "headwater keys") as connection:
        check_readable(connection, *_tables(product))
        known = {row.token_id for row in issued_tokens(connection, product.name)}
    submit_commands(settings, product.name, _revocation(subject, token_id))
    if token_id is None:
        return f"every token of {subject} for {surface} that was issued up to now is void on every node within a second"
    aside = "" if token_id in known else " (no token with this id is on record)"
    return f"the token {token_id} is void on every node within a second{aside}"


def rotate_key(settings: Settings, finish: bool) -> str:
    """Make a second key that signs new tokens, or with `finish` make it the only one; returns a sentence."""
    if settings.token_secret is not None:
        raise Stop("the key is a setting: give the second one as HEADWATER_TOKEN_SECRET_NEXT")
    if not installation_secrets.can_sign(settings):
        raise Stop(f"there is no token.key in {settings.data}: `headwater up` makes an installation")
    installation_secrets.installation_secret(settings)  # derives from the first token.key, where there is none yet
    following = settings.data / installation_secrets.SECOND_KEY
    if finish:
        return _finish(settings, following.exists())
    if following.exists():
        raise Stop(f"{following} is there already: `headwater keys rotate --finish` makes it the only key")
    read_or_create_secret(following)
    return f"{following} signs new tokens from now on; those by token.key count until `headwater keys rotate --finish`"


def _finish(settings: Settings, begun: bool) -> str:
    if not begun:
        raise Stop("no second key is there: `headwater keys rotate` makes one")
    (settings.data / installation_secrets.SECOND_KEY).replace(settings.data / "token.key")
    return "tokens by the former key are void within a second"


def _product(surface: str) -> Product:
    product = bootstrap.product_of(surface)
    if product is None:
        raise Stop(
            f"there is no surface {surface!r}; there are: {', '.join(sorted(map(mount_of, bootstrap.SURFACES)))}"
        )
    return product


def _recording(surface: str) -> Product:
    product = _product(surface)
    if not product.records_tokens:
        raise Stop(f"{surface} has no tokens on record")
    return product


def _tables(product: Product) -> tuple[str, str]:
    return f"{product.name}_tokens", f"{product.name}_token_holders"


def _refuse_unused(product: Product, surface: str, given: Sequence[Option]) -> None:
    for option in given:
        if option not in product.credential.options:
            raise Stop(f"{surface} has no use for --{option}")


def _tenant(wanted: Wanted) -> str:
    if wanted.tenant is None:
        return ""
    if TENANT.fullmatch(wanted.tenant) is None:
        raise Stop(f"a tenant has 1 to 64 letters, digits, dots, underscores and hyphens, unlike {wanted.tenant!r}")
    return wanted.tenant


def _tier(product: Product, surface: str, wanted: Wanted) -> str:
    if wanted.tier is None:
        return ""
    if wanted.tier not in product.credential.tiers:
        raise Stop(f"{surface} has no tier {wanted.tier!r}; it has: {', '.join(product.credential.tiers)}")
    if wanted.limits:
        raise Stop("give either --tier or --limit")
    return wanted.tier


def _options_shown(tenant: str | None, tier: str | None, before: str) -> str:
    shown = (("tier", tier), ("tenant", tenant))
    return "".join(f"{before}{name} {value}" for name, value in shown if value)


def _scopes(product: Product, surface: str, wanted: Wanted) -> tuple[str, ...]:
    known = product.credential.scopes
    if EVERY in wanted.scopes:
        return known
    if unknown := set(wanted.scopes) - set(known):
        raise Stop(f"{surface} has no scope {', '.join(sorted(unknown))}; it has: {', '.join(known)}")
    if wanted.options.get("no-scope"):
        return ()
    return tuple(dict.fromkeys(wanted.scopes)) or product.credential.default


def _limit(product: Product, text: str) -> tuple[str, str]:
    try:
        class_, limit = parse_limit(text)
    except ValueError as error:
        raise Stop(str(error)) from None
    if class_ not in product.limits:
        raise Stop(f"{product.name} has no limit class {class_!r}; it has: {', '.join(product.limits)}")
    unit = product.credential.units.get(class_)
    if unit is not None and not limit.endswith(f"/{unit}"):
        raise Stop(f"{class_} counts by the {unit}: give {class_}=N/{unit}, unlike {text!r}")
    return class_, limit


def _answering(settings: Settings) -> psycopg.Connection[Row] | None:
    """A connection to the installation's database; None where none answers."""
    if settings.postgres is None and not has_embedded_database(settings):
        return None
    try:
        return connect_plain(existing_database(settings), "headwater keys")
    except (psycopg.OperationalError, Stop):
        return None


def _record(connection: psycopg.Connection[Row], product: Product, grant: Grant, keys: SigningKeys) -> None:
    """The order is decided by the running installation, or at its next start."""
    command = RecordToken(at=grant.issued_at, key_id=keys.signing.id, **grant._asdict())
    connection.execute(*order(command, product.name, uuid4(), AT_ONCE))


def _revocation(subject: str | None, token_id: str | None) -> Command:
    now = datetime.now(UTC)
    if token_id is not None:
        return RevokeToken(at=now, token_id=token_id)
    return RevokeHolder(at=now, holder=str(subject))


def _line(row: TokenRow, now: datetime) -> str:
    if row.issued_at is None or row.expires_at is None:
        return f"{row.token_id}  revoked {row.revoked_at:%Y-%m-%d %H:%M}, its issue is not on record"
    until = f"until {row.expires_at:%Y-%m-%d %H:%M}"
    state = "expired" if row.expires_at <= now else until
    state = state if row.revoked_at is None else f"revoked {row.revoked_at:%Y-%m-%d %H:%M}"
    limits = "".join(f"  {class_}={limit}" for class_, limit in row.limits.items())
    scopes = " ".join(row.scopes) or "no scope"
    issued = f"issued {row.issued_at:%Y-%m-%d %H:%M}, key {row.key_id}"
    more = _options_shown(row.tenant, row.tier, "  ")
    return f"{row.token_id}  {row.holder}  {state}\n  {issued}\n  {scopes}{limits}{more}"
