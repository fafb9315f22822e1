"""The server's addresses: what is asked for over HTTP, and what answers it (see FORMATS.md)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from spam_pipe.pipeline.errors import DataError, UserError, one_line
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.serving import asked, exports, pyramid
from spam_pipe.pipeline.serving.engine import mean_colors, per_object
from spam_pipe.pipeline.serving.guard import Guard, TooLargeError
from spam_pipe.pipeline.serving.labelling import ClassOfPixels
from spam_pipe.pipeline.serving.packed import MEDIA_TYPE, pack
from spam_pipe.pipeline.serving.session import NotFoundError, Session
from spam_pipe.pipeline.serving.shipped import shipped

_Result = TypeVar("_Result")
_PAGE_OF_ITEMS = 500
_KEEP = {"cache-control": "private, max-age=3600"}
"""Pictures of an image do not change while the server runs; their addresses bear a version."""

_HEARTBEAT = 15.0

_HEAD_START = 3.0
"""Seconds that the first picture has before networks and kernels are loaded for what follows."""

_REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "sandbox allow-scripts allow-popups"
)
"""The report carries its scripts with it; in a sandbox they reach nothing of this server."""


class Pages:
    """Answers requests on a session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.computing = asyncio.Lock()
        self.tile = lru_cache(maxsize=256)(self._tile)
        self.thumbnail = lru_cache(maxsize=4096)(self._thumbnail)

    def routes(self) -> list[Route]:
        """Return all addresses."""
        one = "/api/items/{key:str}"
        return [
            Route("/", self.page),
            Route("/static/{name:str}", self.static),
            Route("/report", self.report),
            Route("/api/session", self.describe),
            Route("/api/items", self.list_items),
            Route(one, self.describe_item),
            Route(f"{one}/thumbnail", self.thumbnail_of),
            Route(f"{one}/tiles/{{level:int}}/{{row:int}}/{{column:int}}", self.tile_of),
            Route(f"{one}/hierarchy", self.hierarchy),
            Route(f"{one}/superpixels", self.superpixels),
            Route(f"{one}/objects", self.objects),
            Route(f"{one}/contour", self.contour),
            Route(f"{one}/features", self.features),
            Route(f"{one}/pointed", self.pointed),
            Route(f"{one}/steering", self.steering),
            Route(f"{one}/steering", self.steer, methods=["POST"]),
            Route(f"{one}/mask", self.mask),
            Route(f"{one}/mask", self.label, methods=["POST"]),
            Route("/api/classes", self.set_classes, methods=["POST"]),
            Route("/api/batch", self.start_batch, methods=["POST"]),
            Route("/api/batch/stop", self.stop_batch, methods=["POST"]),
            Route("/api/events", self.events),
            Route("/api/export/{kind:str}", self.export),
        ]

    async def page(self, request: Request) -> Response:
        """The page itself."""
        return shipped("index.html")

    async def static(self, request: Request) -> Response:
        """A script, the style sheet or the icon."""
        return shipped(request.path_params["name"])

    async def describe(self, request: Request) -> Response:
        """The session."""
        return JSONResponse(await run_in_threadpool(self.session.describe))

    async def list_items(self, request: Request) -> Response:
        """Images with their states."""
        try:
            start = int(request.query_params.get("start", "0"))
        except ValueError as error:
            raise HTTPException(422, "start is a number") from error
        if start < 0:
            raise HTTPException(422, "start is at least 0")
        found = await run_in_threadpool(self.session.list_items, start, _PAGE_OF_ITEMS)
        return JSONResponse({"items": found})

    async def describe_item(self, request: Request) -> Response:
        """One image: its size and state."""
        key, item = self._item(request)

        def look() -> dict[str, Any]:
            height, width = self.session.shape(item)
            return {
                "width": width,
                "height": height,
                "tile": pyramid.TILE,
                "levels": pyramid.n_levels(height, width),
                "nested": self.session.is_whole(item),
                "steering": self.session.why_not_steered(item),
                **self.session.state(key),
            }

        try:
            return JSONResponse(await self._on_image(key, look))
        except HTTPException:  # why it cannot be read is what there is to say of it
            return JSONResponse(self.session.state(key))

    async def thumbnail_of(self, request: Request) -> Response:
        """A small JPEG; nothing of an image that cannot be read."""
        key, _ = self._item(request)
        try:
            content = await self._on_image(key, lambda: self.thumbnail(key))
        except HTTPException:
            return Response(status_code=204)
        return Response(content, media_type="image/jpeg", headers=_KEEP)

    async def tile_of(self, request: Request) -> Response:
        """A tile of the pyramid."""
        key, _ = self._item(request)
        place = tuple(int(request.path_params[name]) for name in ("level", "row", "column"))
        found = await self._on_image(key, lambda: self.tile(key, *place))
        if found is None:
            raise HTTPException(404, "there is no such tile")
        return Response(found[0], media_type=found[1], headers=_KEEP)

    async def hierarchy(self, request: Request) -> Response:
        """The finest level and its tree, packed."""
        key, item = self._item(request)
        view = asked.query_of(request, asked.View)

        def grow() -> bytes:
            engine = self.session.engine
            wishes = self.session.wishes(item, view.k, view.compactness, view.steered)
            tree = engine.tree(item, wishes)
            colors, areas = mean_colors(engine.picture(item).pixels, tree.labels)
            arrays = {
                "labels": tree.labels,
                "parents": tree.parents,
                "altitudes": tree.altitudes,
                "colors": colors,
                "areas": areas,
            }
            return pack(arrays, {"start_label": tree.start_label})

        return await self._compute(request, key, grow)

    async def superpixels(self, request: Request) -> Response:
        """Superpixels at one number, as the batch makes them, packed."""
        key, item = self._item(request)
        view = asked.query_of(request, asked.View)

        def segment() -> bytes:
            engine = self.session.engine
            wishes = self.session.wishes(item, view.k, view.compactness, view.steered)
            made = engine.superpixels(item, wishes)
            image = engine.picture(item).pixels
            colors, areas = mean_colors(image, made.labels)
            n = int(made.labels.max()) + 1 - made.start_label
            arrays = {"labels": made.labels, "colors": colors, "areas": areas}
            facts: dict[str, Any] = {
                "n": n,
                "start_label": made.start_label,
                "note": made.note,
                "version": self.session.steering.journal(item.id).version,
            }
            # Of a large image they are asked for by themselves, where they are to be seen.
            if made.objects is not None and self.session.is_whole(item):
                objects = made.objects.astype(np.uint16 if made.objects.max() < 65536 else "u4")
                arrays["objects"] = objects
                counts = per_object(made.labels, objects, made.start_label)
                facts["per_object"] = {str(each): n for each, n in counts.items()}
                facts["factors"] = {str(each): f for each, f in made.factors.items()}
            return pack(arrays, facts)

        return await self._compute(request, key, segment)

    async def objects(self, request: Request) -> Response:
        """The prior's objects for a number of superpixels, packed."""
        key, item = self._item(request)
        view = asked.query_of(request, asked.View)

        def find() -> bytes:
            wishes = self.session.wishes(item, view.k, view.compactness, steered=False)
            engine, whole = self.session.engine, self.session.is_whole(item)
            found = (
                engine.objects(item, wishes) if whole else engine.superpixels(item, wishes).objects
            )
            return pack({} if found is None else {"objects": found.astype(np.uint32)})

        return await self._compute(request, key, find)

    async def contour(self, request: Request) -> Response:
        """The strength of the prior's contours, packed."""
        key, item = self._item(request)

        def find() -> bytes:
            found = self.session.engine.contour(item)
            return pack({} if found is None else {"contour": found})

        return await self._compute(request, key, find)

    async def features(self, request: Request) -> Response:
        """The mean deep features of the hierarchy's finest level, packed."""
        key, item = self._item(request)
        view = asked.query_of(request, asked.View)

        def find() -> bytes:
            wishes = self.session.wishes(item, view.k, view.compactness, steered=False)
            found = self.session.engine.features(item, wishes)
            return pack({} if found is None else {"features": found})

        return await self._compute(request, key, find)

    async def pointed(self, request: Request) -> Response:
        """The mask of the object that is clicked on, packed."""
        key, item = self._item(request)
        points = asked.query_of(request, asked.Points).triples

        def find() -> bytes:
            image = self.session.engine.picture(item).pixels
            if not self.session.is_whole(item):
                raise HTTPException(422, "this image is too large for points: take the lasso")
            try:
                mask, score = self.session.pointing.mask(item, image, points)
            except DataError as error:  # of the points; nothing is wrong with the image
                raise HTTPException(422, one_line(error)) from error
            return pack({"mask": mask}, {"score": score})

        return await self._compute(request, key, find)

    async def steering(self, request: Request) -> Response:
        """The factors of an image."""
        _, item = self._item(request)
        return JSONResponse(self._steered(item))

    async def steer(self, request: Request) -> Response:
        """A click on an object, a drawn one, or undoing that."""
        key, item = self._item(request)
        wanted = await asked.body_of(request, asked.Click | asked.Draw | asked.Turn)
        steering = self.session.steering
        why = await self._on_image(key, lambda: self.session.why_not_steered(item))
        if why is not None:
            raise HTTPException(422, why)
        if isinstance(wanted, asked.Click):
            wishes = self.session.wishes(item, wanted.k, None, steered=False)
            async with self.computing:
                objects = await self._in_engine(
                    key, lambda: self.session.engine.objects(item, wishes)
                )
            if objects is None:
                raise HTTPException(422, "this image has no objects")
            place = wanted.x, wanted.y, wanted.k
            await self._on_image(
                key,
                lambda: steering.step(item.id, objects, place, wanted.direction, wanted.id),
            )
        elif isinstance(wanted, asked.Draw):
            shape = self.session.shape(item)
            await self._on_image(key, lambda: steering.draw(item.id, shape, wanted.runs, wanted.id))
        else:
            act: Callable[[str, str], object] = getattr(steering, wanted.op)
            await run_in_threadpool(act, item.id, wanted.id)
        answer = self._steered(item)
        self._tell("steering", key, wanted.tab, answer["version"])
        return JSONResponse(answer)

    async def mask(self, request: Request) -> Response:
        """The mask of an image, packed."""
        key, item = self._item(request)

        def load() -> bytes:
            shape = self.session.shape(item)
            mask = self.session.labelling.mask(item, shape)
            return pack({"mask": mask}, self._labelled(item, shape))

        return Response(await self._on_image(key, load), media_type=MEDIA_TYPE)

    async def label(self, request: Request) -> Response:
        """A region that gets a class, or undoing that."""
        key, item = self._item(request)
        wanted = await asked.body_of(request, asked.Paint | asked.Turn)
        labelling = self.session.labelling

        def act() -> dict[str, Any]:
            shape = self.session.shape(item)
            if isinstance(wanted, asked.Paint):
                action = wanted.model_dump(by_alias=True, exclude={"op"}, exclude_none=True)
                labelling.paint(item, shape, action)
            elif wanted.op == "clear":
                raise HTTPException(422, "a mask is erased region by region")
            else:
                getattr(labelling, wanted.op)(item, shape, wanted.id)
            return self._labelled(item, shape)

        answer = await self._on_image(key, act)
        self._tell("mask", key, wanted.tab, answer["version"])
        return JSONResponse(answer)

    async def set_classes(self, request: Request) -> Response:
        """All classes anew."""
        wanted = await asked.body_of(request, asked.Classes)
        classes = [ClassOfPixels(each.number, each.name, each.color) for each in wanted.classes]
        await run_in_threadpool(self.session.labelling.set_classes, classes)
        plain = self.session.labelling.plain_classes()
        self.session.hub.tell({"kind": "classes", "classes": plain, "tab": wanted.tab})
        return JSONResponse({"classes": plain})

    async def start_batch(self, request: Request) -> Response:
        """Segment all images with the page's settings."""
        wanted = await asked.body_of(request, asked.StartBatch)
        command = self.session.batch_command(wanted)
        if not await run_in_threadpool(self.session.batch.start, command):
            raise HTTPException(409, "a batch is running")
        return JSONResponse(self.session.batch.plain())

    async def stop_batch(self, request: Request) -> Response:
        """Let the batch end early."""
        await run_in_threadpool(self.session.batch.stop)
        return JSONResponse(self.session.batch.plain())

    async def events(self, request: Request) -> Response:
        """What changes, as server-sent events."""
        queue = self.session.hub.listen()

        async def stream() -> AsyncIterator[str]:
            try:
                yield ": open\n\n"
                while True:
                    try:
                        message = await asyncio.wait_for(queue.get(), _HEARTBEAT)
                        if message["kind"] == "end":
                            return
                        yield f"data: {json.dumps(message)}\n\n"
                    except TimeoutError:
                        yield ": still here\n\n"
            finally:
                self.session.hub.leave(queue)

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def export(self, request: Request) -> Response:
        """What was labelled or steered, as files."""
        kind = request.path_params["kind"]
        if kind not in exports.KINDS:
            raise HTTPException(404, f"exports are {', '.join(exports.KINDS)}")
        content, media_type, name = await run_in_threadpool(exports.export, self.session, kind)
        disposition = f'attachment; filename="{name}"'
        headers = {"content-disposition": disposition}
        return Response(content, media_type=media_type, headers=headers)

    async def report(self, request: Request) -> Response:
        """The run's report, once there is one."""
        content = await run_in_threadpool(self.session.run.folder.read, "report/index.html")
        if content is None:
            raise HTTPException(404, "there is no report yet: run the batch first")
        headers = {"content-security-policy": _REPORT_POLICY}
        return Response(content, media_type="text/html", headers=headers)

    def _item(self, request: Request) -> tuple[str, Item]:
        key = request.path_params["key"]
        return key, self.session.item(key)

    async def _on_image(self, key: str, act: Callable[[], _Result]) -> _Result:
        """Do something with an image in another thread; remember why, where that fails."""
        try:
            return await run_in_threadpool(act)
        except UserError as error:
            raise HTTPException(422, self.session.note_failure(key, error)) from error

    async def _in_engine(self, key: str, act: Callable[[], _Result]) -> _Result:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self.session.engine.thread, act)
        except UserError as error:
            raise HTTPException(422, self.session.note_failure(key, error)) from error
        self.session.failures.pop(key, None)
        return found

    async def _compute(self, request: Request, key: str, act: Callable[[], bytes]) -> Response:
        """Compute in turn; what nobody waits for any more is left out."""
        async with self.computing:
            if await request.is_disconnected():
                return Response(status_code=499)
            content = await self._in_engine(key, act)
        return Response(content, media_type=MEDIA_TYPE)

    def _steered(self, item: Item) -> dict[str, Any]:
        journal = self.session.steering.journal(item.id)
        marks = self.session.steering.marks(item.id)
        return {
            "marks": [vars(mark) for mark in marks],
            "drawings": self.session.steering.places(item.id),
            "version": journal.version,
            "can_undo": bool(journal.done),
            "can_redo": bool(journal.undone),
        }

    def _labelled(self, item: Item, shape: tuple[int, int]) -> dict[str, Any]:
        journal = self.session.labelling.journal(item.id)
        counts = self.session.labelling.counts(item, shape)
        return {
            "version": journal.version,
            "can_undo": bool(journal.done),
            "can_redo": bool(journal.undone),
            "counts": {str(number): pixels for number, pixels in counts.items()},
            "n_actions": len(journal.done),
        }

    def _tell(self, kind: str, key: str, tab: str, version: int) -> None:
        state = self.session.state(key)
        self.session.hub.tell(
            {"kind": kind, "id": key, "tab": tab, "version": version, "state": state}
        )

    def _tile(self, key: str, level: int, row: int, column: int) -> tuple[bytes, str] | None:
        image = self.session.engine.picture(self.session.item(key)).pixels
        return pyramid.encode_tile(image, level, row, column)

    def _thumbnail(self, key: str) -> bytes:
        # Not through the engine: a list of thumbnails would drive out the image at work.
        return pyramid.encode_thumbnail(self.session.item(key).image.read())


def make_app(session: Session, token: str, port: int, names: tuple[str, ...] = ()) -> Starlette:
    """Return the ASGI application.

    Parameters
    ----------
    session
        What is served; the caller closes it.
    token, port, names
        As `pipeline.serving.guard.Guard` has them.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        session.hub.loop = asyncio.get_running_loop()
        engine = session.engine
        session.hub.loop.call_later(_HEAD_START, engine.thread.submit, engine.warm_up)
        yield
        session.hub.loop = None

    return Starlette(
        routes=Pages(session).routes(),
        middleware=[Middleware(Guard, token=token, port=port, names=names)],
        exception_handlers={
            HTTPException: _explain,
            UserError: _explain_user_error,
            NotFoundError: _explain_not_found,
            TooLargeError: _explain_too_large,
        },
        lifespan=lifespan,
    )


def _explain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code)


def _explain_user_error(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": one_line(error)}, 422)


def _explain_not_found(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "there is no such image"}, 404)


def _explain_too_large(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "the request is too large"}, 413)
