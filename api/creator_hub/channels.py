"""Channels: how members reach a creator. Credentials go to the vault, and no answer shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter
from psycopg import AsyncConnection
from pydantic import BaseModel, JsonValue, WithJsonSchema

from api.actions import Action
from api.auth import Caller
from api.creator_hub.access import CREATOR, READ
from api.creator_hub.channel_configuration import CONFIGURATION, faults_of, lacking, shown
from api.creator_hub.dependencies import NAME, Dependencies, Own, ai_interactions_of
from api.creator_hub.fields import Body, Id, JsonMap, Name, Shown, not_there
from api.errors import invalid
from api.routing import LeanRoute
from api.surface import Act, Read, may
from commands.creator_hub.channel import CreateChannel, UpdateChannel
from domain.creator_hub.channel import ChannelCreated
from domain.creator_hub.credentials import Divided, divided, merged
from domain.creator_hub.kinds import ChannelType
from projections.creator_hub.channels import ChannelRow, channel_of_creator
from projections.creator_hub.queries.channels import ListedChannel, channels_of
from streams.core.read_models import Row
from streams.postgres.sealed_store import Owner
from streams.postgres.vault import VaultDiffers, VaultEmpty

router = APIRouter(route_class=LeanRoute, prefix="/api/v1/channels", tags=["Channel Management API"])

Status = Literal["active", "pending_verification", "inactive"]
Configuration = Annotated[JsonMap, WithJsonSchema(CONFIGURATION)]
BOT_TOKEN, SECRET_TOKEN = "bot_token", "secret_token"


class ChannelBody(Body):
    channel_type: ChannelType
    channel_name: Name
    configuration: Configuration


class ChannelChanges(Body):
    """The changes: the first-level keys of `configuration` are merged, and null removes one.

    A credential that is sent back blank stays as it is.
    """

    channel_name: Name | None = None
    configuration: Configuration | None = None


class ChannelAnswer(BaseModel):
    """A channel. `configuration` is without credentials; `status_reason` says what the channel lacks, if anything."""

    id: str
    channel_type: ChannelType
    channel_name: str
    status: Status
    configuration: dict[str, JsonValue]
    created_at: Shown
    status_reason: str | None = None


class UpdatedChannel(ChannelAnswer):
    updated_at: Shown


class ChannelSummary(ChannelAnswer):
    user_count: int
    last_activity_at: Shown | None


class ChannelsAnswer(BaseModel):
    channels: list[ChannelSummary]


class Kept(NamedTuple):
    """The credentials of a channel from here on: the vault's reference and their names; None where nothing changes."""

    vault: str | None
    names: tuple[str, ...] | None


@router.get("")
async def list_(caller: Annotated[Caller, may(READ)], reads: Read, own: Own) -> ChannelsAnswer:
    """List all channels, the newest first."""
    async with reads.connection() as connection:
        found = await channels_of(connection, caller.subject)
    return ChannelsAnswer(channels=[_summary(own, one) for one in found])


@router.post("", status_code=201)
async def create(body: ChannelBody, caller: Annotated[Caller, may(CREATOR)], act: Act, own: Own) -> ChannelAnswer:
    """Make a channel. Web and mobile are active at once, the others when their provider knows where to call."""
    _check(body.configuration)
    channel_id = str(act.new_id("channel"))
    given = divided(body.configuration)
    secrets = _with_secret_token(own, body.channel_type, channel_id, given.credentials)
    kept = await _kept(own, act, caller.subject, secrets) if secrets else Kept(None, ())
    command = CreateChannel(
        at=act.at,
        creator_id=caller.subject,
        channel_id=channel_id,
        channel_type=body.channel_type,
        channel_name=body.channel_name,
        configuration=_own_keys(given),
        credentials=kept.names or (),
        vault=kept.vault,
        ai_interactions=ai_interactions_of(caller),
    )
    made = (await act.submit(command)).only(ChannelCreated)
    return ChannelAnswer(
        id=made.channel_id,
        channel_type=made.channel_type,
        channel_name=made.channel_name,
        status=made.status.value,
        configuration=shown(own.root, made.channel_type, made.channel_id, made.configuration),
        created_at=made.at,
        status_reason=lacking(made.channel_type, made.credentials, own.whatsapp_app_secret is not None),
    )


@router.put("/{channel_id}")
async def update(
    channel_id: Id, body: ChannelChanges, caller: Annotated[Caller, may(CREATOR)], act: Act, reads: Read, own: Own
) -> UpdatedChannel:
    """Change a channel's name or configuration. New credentials make a channel active that was refused for the old."""
    patch = body.configuration or {}
    _check(patch)
    async with reads.connection() as connection:
        row = await _found(connection, caller.subject, str(channel_id))
    given = divided(patch)
    kept = await _renewed(own, act, row, patch)
    command = UpdateChannel(
        at=act.at,
        creator_id=caller.subject,
        channel_id=row.channel_id,
        channel_name=body.channel_name,
        patch=_own_keys(given) or None,
        credentials=kept.names,
        vault=kept.vault,
        ai_interactions=ai_interactions_of(caller),
    )
    covered = await act.covered(await act.submit(command))
    async with covered.connection() as connection:
        return _updated(own, await _found(connection, caller.subject, row.channel_id))


def _check(configuration: Mapping[str, JsonValue]) -> None:
    faults = list(faults_of(configuration))
    if faults:
        raise invalid(faults)


def _own_keys(given: Divided) -> dict[str, JsonValue]:
    """The configuration without what is ours: an address that was sent back changes nothing."""
    return {name: value for name, value in given.shown.items() if name != "webhook_url"}


def _with_secret_token(
    own: Dependencies, type_: ChannelType, channel_id: str, secrets: Mapping[str, str]
) -> dict[str, str]:
    """Telegram presents this secret with each call; it is made here unless it is given."""
    if type_ is not ChannelType.TELEGRAM or BOT_TOKEN not in secrets or SECRET_TOKEN in secrets:
        return dict(secrets)
    return {**secrets, SECRET_TOKEN: own.secrets.mac("creator_hub.telegram", channel_id.encode()).hex()}


async def _renewed(own: Dependencies, act: Action, row: ChannelRow, patch: Mapping[str, JsonValue]) -> Kept:
    known: Mapping[str, str] = {}
    if row.vault is not None:
        try:
            known = await own.vault.open(row.vault)
        except VaultEmpty:
            known = {}
    secrets = _with_secret_token(own, row.channel_type, row.channel_id, merged(known, patch))
    if secrets == known and (row.vault is None or known):
        return Kept(None, None)
    return await _kept(own, act, row.creator_id, secrets)


async def _kept(own: Dependencies, act: Action, creator_id: str, secrets: Mapping[str, str]) -> Kept:
    """Put credentials under the reference of this write, which a repetition of it finds there."""
    reference = str(act.new_id("credentials"))
    if not await act.repeated():
        try:
            await own.vault.put(reference, Owner(NAME, creator_id), secrets)
        except VaultDiffers:  # a try before this one was not recorded, and others were meanwhile
            secrets = await own.vault.open(reference)
    return Kept(reference, tuple(sorted(secrets)))


async def _found(connection: AsyncConnection[Row], creator_id: str, channel_id: str) -> ChannelRow:
    row = await channel_of_creator(connection, creator_id, channel_id)
    if row is None:
        raise not_there()
    return row


def _fields(own: Dependencies, row: ChannelRow) -> dict[str, object]:
    reason = row.code or lacking(row.channel_type, row.credentials, own.whatsapp_app_secret is not None)
    return {
        "id": row.channel_id,
        "channel_type": row.channel_type,
        "channel_name": row.channel_name,
        "status": row.status.value,
        "configuration": shown(own.root, row.channel_type, row.channel_id, row.configuration),
        "created_at": row.created_at,
        "status_reason": reason,
    }


def _updated(own: Dependencies, row: ChannelRow) -> UpdatedChannel:
    return UpdatedChannel.model_validate(_fields(own, row) | {"updated_at": row.updated_at})


def _summary(own: Dependencies, listed: ListedChannel) -> ChannelSummary:
    counts = {"user_count": listed.members, "last_activity_at": listed.last_activity_at}
    return ChannelSummary.model_validate(_fields(own, listed.channel) | counts)
