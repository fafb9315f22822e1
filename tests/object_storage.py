"""An S3 service on this machine that counts the requests it answers."""

import threading
import time
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any

KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class ObjectStorage:
    """S3 as moto imitates it, with one empty bucket, `bucket`.

    Attributes
    ----------
    requests
        Method and key of every request, in the order of their arrival.
    delay
        Seconds that each answer is held back.
    """

    bucket = "bucket"

    def __init__(self, delay: float = 0.0) -> None:
        self.requests: list[tuple[str, str]] = []
        self.delay = delay

    def __enter__(self) -> "ObjectStorage":
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        service = DomainDispatcherApplication(create_backend_app)
        self.server = make_server("127.0.0.1", 0, self._counted(service), threaded=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        import s3fs

        # moto keeps what it holds for the process's life.
        reset = f"{self.environment['AWS_ENDPOINT_URL']}/moto-api/reset"
        urllib.request.urlopen(urllib.request.Request(reset, method="POST")).close()
        s3fs.S3FileSystem.clear_instance_cache()  # else one of an earlier service may be found
        self.file_system().mkdir(self.bucket)
        self.requests.clear()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()

    @property
    def environment(self) -> dict[str, str]:
        """What a process must find in its environment to reach the service."""
        return {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server.server_port}"}

    def file_system(self) -> Any:
        """Return the service as an fsspec file system."""
        import s3fs

        return s3fs.S3FileSystem(
            key=KEYS["AWS_ACCESS_KEY_ID"],
            secret=KEYS["AWS_SECRET_ACCESS_KEY"],
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            use_listings_cache=False,
        )

    def _counted(self, service: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            time.sleep(self.delay)
            address = str(environ["PATH_INFO"]).removeprefix(f"/{self.bucket}").lstrip("/")
            if query := environ.get("QUERY_STRING"):
                address += f"?{query}"
            self.requests.append((str(environ["REQUEST_METHOD"]), address))
            return service(environ, start_response)

        return answer
