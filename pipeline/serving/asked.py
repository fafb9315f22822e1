"""What the browser may send, checked field by field; anything else is refused."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from starlette.exceptions import HTTPException
from starlette.requests import Request

from spam_pipe.pipeline.errors import one_line, plain_words

_Kind = TypeVar("_Kind", bound=BaseModel)

LARGEST_COUNT = 60_000
"""Superpixels that a page shows at most."""

_Coordinate = Annotated[int, Field(ge=0, le=1 << 24)]
_Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
_Compactness = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
_ActionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{8,64}$")]
_Tab = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{0,64}$")]


def _pairs(runs: list[int]) -> list[int]:
    if len(runs) % 2:
        raise ValueError("runs are pairs of a start and a length")
    return runs


_Runs = Annotated[
    list[Annotated[int, Field(ge=0, le=1 << 40)]],
    Field(min_length=2, max_length=2_000_000),
    AfterValidator(_pairs),
]
"""Start and length in raster order, flattened."""


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Click(_Asked):
    """A click on an object: raise (1), lower (-1) or reset (0) its factor."""

    op: Literal["click"]
    id: _ActionId
    tab: _Tab = ""
    x: _Coordinate
    y: _Coordinate
    k: _Count
    direction: Literal[-1, 0, 1]


class Draw(_Asked):
    """A region that becomes an object of the image."""

    op: Literal["draw"]
    id: _ActionId
    tab: _Tab = ""
    runs: _Runs


class Turn(_Asked):
    """Undo, redo, or take everything away."""

    op: Literal["undo", "redo", "clear"]
    id: _ActionId
    tab: _Tab = ""


class Paint(_Asked):
    """A region that gets a class.

    ``tool``, ``level``, ``x``, ``y`` are for the log.
    """

    op: Literal["paint"]
    id: _ActionId
    tab: _Tab = ""
    cls: Annotated[int, Field(ge=0, le=0xFFFF, alias="class")]
    runs: _Runs
    tool: Literal["superpixel", "object", "brush", "similar", "erase", "lasso", "points"]
    level: _Count | None = None
    x: _Coordinate | None = None
    y: _Coordinate | None = None


class OneClass(_Asked):
    """A class as the page edits it."""

    number: int
    name: str
    color: str


class Classes(_Asked):
    """All classes."""

    classes: Annotated[list[OneClass], Field(max_length=255)]
    tab: _Tab = ""


class StartBatch(_Asked):
    """What to do with all images."""

    counts: Annotated[list[_Count], Field(min_length=1, max_length=20)]
    compactness: _Compactness | None = None
    nested: bool = False


class Points(BaseModel):
    """Clicks on an object, and beside it, from an address: x, y and 1 or 0 of each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    points: Annotated[
        str, StringConstraints(pattern=r"^\d{1,8},\d{1,8},[01](,\d{1,8},\d{1,8},[01]){0,63}$")
    ]

    @property
    def triples(self) -> list[tuple[int, int, int]]:
        """The clicks."""
        numbers = map(int, self.points.split(","))
        return list(zip(numbers, numbers, numbers, strict=True))


class View(BaseModel):
    """What a picture is to show, from an address; numbers come as text there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    k: _Count = 400
    compactness: _Compactness | None = None
    steered: bool = False
    v: str = ""
    """Whatever makes the browser ask again."""


def query_of(request: Request, kind: type[_Kind]) -> _Kind:
    """Return what an address asks for; HTTPException where that is nothing of a kind."""
    try:
        return kind.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise HTTPException(422, _first(error)) from error


async def body_of(request: Request, kind: Any) -> Any:
    """Return the JSON that a request bears, of one of the kinds; HTTPException as `query_of`."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise HTTPException(415, "send JSON")
    content = await request.body()
    try:
        return TypeAdapter(kind).validate_json(content)
    except ValidationError as error:
        raise HTTPException(422, _first(error)) from error


def _first(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return one_line(f"{where}: {plain_words(first['msg'])}")
