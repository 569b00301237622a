"""Uploads: a route that runs its guards before it reads the body, and streams one file of a form to an object.

    uploads = APIRouter(route_class=UploadRoute)       # only endpoints with a form; others stay on a LeanRoute

    class DocumentForm(Body):                          # the texts beside the file
        title: str | None = None
        metadata: Annotated[dict[str, JsonValue], FORM_JSON] = Field(default_factory=dict)

    @uploads.post("/knowledge-bases/{knowledge_base_id}/documents", status_code=201)
    async def upload(
        knowledge_base_id: str,
        caller: Annotated[Caller, may("creator", limit="file_uploads")],      # 401, 429, 403
        act: Act,
        form: Annotated[Upload[DocumentForm], form_of(DocumentForm)],         # the file's field is "file"
        own: Own,
    ) -> DocumentAnswer:
        '''Upload a document.'''
        ...                                                                   # 404: nothing of the body is read yet
        id_ = act.new_id("object")
        received = await form.receive(own.objects, Owner(NAME, creator, subject), own.most_bytes, id_, check)   # 413
        received.file.name, received.file.content_type, received.file.stored.size, received.fields.title
        await act.submit(UploadDocument(…, object_id=received.file.stored.id, sha256=received.file.stored.sha256))

`check(part, head)` sees the file's name (`part.label`), its type as the client says it, and its first `HEAD_BYTES` (all
of a shorter one) before anything is stored; it raises ApiError, as `invalid([FieldError("file", …)])` for a wrong type.

The object's id derives from the write's (`act.new_id`), so a repeated request writes it once. The fingerprint of the
request covers the fields, and name, type and digest of the file, as the boundary of the body is random. Until an event
of the owner keeps the object by an `ObjectId`, it may be swept, after a day.

The order of refusals is 401, 429, 403, what the endpoint checks itself, 413 by Content-Length, 413 by count, 400. Only
`receive` reads the body; a command cannot be submitted before it. OpenAPI shows the form.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
import psycopg
from fastapi import Depends
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, BeforeValidator, ValidationError
from starlette.requests import Request

from api.errors import ApiError, FieldError, field_errors, invalid
from api.multipart import MultipartReader, Part, too_large
from api.parameters import Unsupported, plan_of
from api.routing import BODY, LeanRoute, has_nul
from api.sentences import REQUIRED
from streams.postgres.objects import ObjectDiffers, ObjectErased, Objects, ObjectTooLarge, Owner, StoredObject

FORM_BYTES = 131_072
"""Bytes of a body beside its file: texts, headers of parts, boundaries."""

LONGEST_TEXT = 65_536
"""Bytes of one text."""

HEAD_BYTES = 4_096

F = TypeVar("F", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that is stored: its name, its type as the client says it, and its object."""

    name: str
    content_type: str
    stored: StoredObject


@dataclass(frozen=True, slots=True)
class Received(Generic[F]):
    """A form that was received whole."""

    file: ReceivedFile
    fields: F


Check = Callable[[Part, bytes], None]


def accept(_file: Part, _head: bytes) -> None:
    """Accept any file."""


class Upload(Generic[F]):
    """The form of this request, whose body is not read yet."""

    def __init__(self, request: Request, model: type[F], field: str) -> None:
        self._request, self._model, self._field = request, model, field

    async def receive(
        self,
        objects: Objects,
        owner: Owner,
        limit: int,
        object_id: str | UUID | None = None,
        check: Check = accept,
    ) -> Received[F]:
        """Read the body, and store its file of at most `limit` bytes under this id, or a new one.

        Raises ApiError 413, 400, 409 for another file than that of an earlier request with the same Idempotency-Key,
        and ClientDisconnect, psycopg.OperationalError or PoolTimeout, which the route answers.
        """
        _refuse_length(self._request, limit + FORM_BYTES)
        reader, texts, file = MultipartReader(self._request, limit + FORM_BYTES), dict[str, str](), None
        try:
            while (part := await reader.next_part()) is not None:
                if self._is_file(part, file):
                    file = await _stored(reader, part, objects, owner, limit, object_id, check)
                elif part.name in texts:
                    raise _fault(part.name, "must be given once")
                else:
                    texts[part.name] = await _text(reader, part.name)
            return self._received(file, texts)
        except BaseException:
            if file is not None and "idempotency-key" not in self._request.headers:
                with suppress(psycopg.Error, PoolTimeout):
                    await objects.forget(file.stored.id)
            raise

    def _is_file(self, part: Part, file: ReceivedFile | None) -> bool:
        """Whether a part is the form's file; raises ApiError 400 for a second one, and for a file in a text's place.

        A browser sends a form without a chosen file with an empty name.
        """
        if part.file_name is None:
            if part.name == self._field:
                raise _fault(self._field, "must be a file, with a file name")
            return False
        if part.name != self._field:
            raise _fault(part.name, "must not be a file")
        if file is not None:
            raise _fault(self._field, "must be one file")
        if not part.label:
            raise invalid([FieldError(self._field, REQUIRED, missing=True)])
        return True

    def _received(self, file: ReceivedFile | None, texts: dict[str, str]) -> Received[F]:
        faults = [] if file is not None else [FieldError(self._field, REQUIRED, missing=True)]
        try:
            fields = self._model.model_validate(texts)
        except ValidationError as error:
            raise invalid(faults + field_errors(error)) from None
        if file is None:
            raise invalid(faults)
        parts = {"file": [file.name, file.content_type, file.stored.size, file.stored.sha256], "texts": texts}
        self._request.scope[BODY] = orjson.dumps(parts)
        return Received(file, fields)


class Form(Generic[F]):
    """The dependency that makes the Upload of a request, by a form's model and the name of its file's field."""

    def __init__(self, model: type[F], field: str) -> None:
        self.model, self.field = model, field

    def __call__(self, request: Request) -> Upload[F]:
        return Upload(request, self.model, self.field)

    @property
    def described(self) -> dict[str, Any]:
        """The request body in OpenAPI."""
        schema = self.model.model_json_schema(mode="validation")
        schema = _inlined(schema, schema.pop("$defs", {}))
        properties = {self.field: {"type": "string", "format": "binary"}, **schema.get("properties", {})}
        described = {"type": "object", "properties": properties}
        described["required"] = [self.field, *schema.get("required", ())]
        return {"required": True, "content": {"multipart/form-data": {"schema": described}}}


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """The schema without references: what an operation adds to OpenAPI cannot define schemas."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref", "")
    if reference:
        return _inlined(definitions[reference.rpartition("/")[2]], definitions)
    return {name: _inlined(value, definitions) for name, value in schema.items()}


def form_of(model: type[BaseModel], field: str = "file") -> Any:
    """The annotation of an endpoint's form: `form: Annotated[Upload[DocumentForm], form_of(DocumentForm)]`."""
    return Depends(Form(model, field))


class UploadRoute(LeanRoute):
    """The lean route of an endpoint with a form: it reads nothing of the body, and OpenAPI shows the form."""

    reads_body = False

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        plan = plan_of(endpoint, self.path_format)
        forms = [guard for _, guard in plan.guards if isinstance(guard, Form)]
        if len(forms) != 1 or plan.body is not None:
            raise Unsupported(f"{endpoint.__qualname__} must take one form, and no other body")
        self.openapi_extra = {"requestBody": forms[0].described, **(self.openapi_extra or {})}


def _json(given: Any) -> Any:
    try:
        value = orjson.loads(given) if isinstance(given, str) else given
    except orjson.JSONDecodeError:
        raise ValueError("must be JSON") from None
    if has_nul(value):
        raise ValueError("must not contain the NUL character")
    return value


FORM_JSON = BeforeValidator(_json)
"""The annotation of a form's field that is JSON in a text."""


async def _stored(
    reader: MultipartReader,
    part: Part,
    objects: Objects,
    owner: Owner,
    limit: int,
    object_id: str | UUID | None,
    check: Check,
) -> ReceivedFile:
    data = _FileData(reader.data(), limit)
    check(part, await data.head())
    try:
        stored = await objects.put(owner, data, limit, object_id)
    except ObjectErased:
        if object_id is None:
            raise ApiError(404, "Not found", kind="NotFound") from None
        stored = await data.unstored(str(object_id))
    except ObjectDiffers:
        raise ApiError(
            409, "This Idempotency-Key was used for a different request", kind="IdempotencyConflict"
        ) from None
    except ObjectTooLarge:
        raise too_large(limit, "file") from None
    return ReceivedFile(part.label, part.content_type, stored)


class _FileData:
    """The bytes of a file, measured on their way; the first of them can be looked at before."""

    def __init__(self, data: AsyncIterator[bytes], limit: int) -> None:
        self._data, self._limit = data, limit
        self._head = bytearray()
        self._size, self._digest = 0, sha256()

    async def head(self) -> bytes:
        """The first bytes, which are given again in their turn."""
        while len(self._head) < HEAD_BYTES and (chunk := await anext(self._data, None)) is not None:
            self._head += chunk
        return bytes(self._head[:HEAD_BYTES])

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._head:
            chunk, self._head = bytes(self._head), bytearray()
        else:
            chunk = await anext(self._data)
        self._size += len(chunk)
        if self._size > self._limit:
            raise ObjectTooLarge
        self._digest.update(chunk)
        return chunk

    async def unstored(self, object_id: str) -> StoredObject:
        """The object that this would have been: a repeated request gets its first answer, also after the erasure."""
        async for _ in self:
            pass
        return StoredObject(object_id, self._size, self._digest.hexdigest())


async def _text(reader: MultipartReader, name: str) -> str:
    given = bytearray()
    async for chunk in reader.data():
        given += chunk
        if len(given) > LONGEST_TEXT:
            raise _fault(name, f"must have {LONGEST_TEXT} bytes or fewer")
    try:
        text = given.decode()
    except UnicodeDecodeError:
        raise _fault(name, "must be UTF-8") from None
    if "\0" in text:
        raise _fault(name, "must not contain the NUL character")
    return text


def _refuse_length(request: Request, most: int) -> None:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise too_large(most)


def _fault(name: str, sentence: str) -> ApiError:
    return invalid([FieldError(name, sentence, missing=False)])
