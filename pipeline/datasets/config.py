"""Options of the dataset a run works on."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from spam_pipe.pipeline.datasets.images.bands import Reading


_EVERY = "all"


def _bands(bands: tuple[int, ...] | str | None) -> tuple[int, ...] | str | None:
    chosen = _chosen(bands) if isinstance(bands, str) else bands
    if chosen is not None and (len(chosen) not in (1, 3) or min(chosen) < 1):
        raise ValueError("give one band or three, counted from 1, such as 4,3,2 or all:4,3,2")
    return bands


def _chosen(bands: str) -> tuple[int, ...] | None:
    """Return the bands shown: None for "all", (4, 3, 2) for "all:4,3,2"."""
    every, _, chosen = bands.partition(":")
    numbers = chosen.split(",") if chosen else []
    if every != _EVERY or not all(number.strip().isdecimal() for number in numbers):
        raise ValueError(f"'{bands}' is neither 4,3,2 nor all nor all:4,3,2")
    return tuple(map(int, numbers)) or None


def _values(ignored: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({*ignored}))


def _percentiles(stretch: tuple[float, float] | None) -> tuple[float, float] | None:
    if stretch is not None and not 0 <= stretch[0] < stretch[1] <= 100:
        raise ValueError("give two percentiles, the lower one first, such as 2,98")
    return stretch


class DatasetConfig(BaseModel):
    """The images of a run: dataset, split, reading."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        "sample", description="bsd, nyuv2, sbd, sample, folder, or the path of a folder of images"
    )
    root: str | None = Field(
        None, description="folder that holds the dataset; by default SPAM_DATA, then the cache"
    )
    images: str | None = Field(None, description="folder: where its images are, at any depth")
    files: tuple[str, ...] = Field(
        (), description="folder: of its images these alone, by their paths below it"
    )
    pattern: str = Field("*", min_length=1, description="folder: which file names are images")
    ground_truth: str | None = Field(
        None, description="folder: label maps (PNG, TIFF, npy, mat) named as the images are"
    )
    split: str | None = Field(
        None, description="train, val, test or all; by default test where there is one, else all"
    )
    ignore: Annotated[tuple[int, ...], AfterValidator(_values)] = Field(
        (),
        description="folder: values of the ground truth that mean no region, such as 255 or -1; "
        "no metric looks there",
    )
    planes: Literal["all", "first"] | None = Field(
        None,
        description="folder: planes of stacks: all (each an item such as name#z3) or first; by "
        "default all of OME-TIFF and OME-Zarr, the first of other files",
    )
    bands: Annotated[tuple[int, ...] | str | None, AfterValidator(_bands)] = Field(
        None,
        description="folder: which bands, from 1, are red, green and blue, or the one that is "
        "grey; all to compare pixels by all bands and see their first principal components; "
        "all:4,3,2 to compare by all and see these; by default what the file says",
    )
    stretch: Annotated[tuple[float, float] | None, AfterValidator(_percentiles)] = Field(
        None,
        description="folder: percentiles of each band that become black and white; by default "
        "2,98, and 8 bits and photographs of 16 bits as they are",
    )
    valid: str | None = Field(
        None,
        description="folder of masks named as the images are, or one mask for all: superpixels "
        "only where it is not 0",
    )
    max_megapixels: float = Field(
        200.0, gt=0, description="images with more are refused before they are decoded"
    )

    @property
    def reading(self) -> "Reading":
        """The options of reading images."""
        from spam_pipe.pipeline.datasets.images.bands import Reading

        every = isinstance(self.bands, str)
        bands = _chosen(self.bands) if isinstance(self.bands, str) else self.bands
        return Reading(bands, every, self.stretch, self.max_pixels)

    @property
    def max_pixels(self) -> int:
        """The limit of an image's size, in pixels."""
        return int(self.max_megapixels * 1e6)
