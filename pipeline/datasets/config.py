"""Options of the dataset a run works on."""

from pydantic import BaseModel, ConfigDict, Field


class DatasetConfig(BaseModel):
    """Which images a run takes, and where they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        "sample", description="bsd, nyuv2, sbd, sample, folder, or the path of a folder of images"
    )
    root: str | None = Field(
        None, description="folder that holds the dataset; by default SPAM_DATA, then the cache"
    )
    images: str | None = Field(None, description="folder: where its images are, at any depth")
    pattern: str = Field("*", min_length=1, description="folder: which file names are images")
    ground_truth: str | None = Field(
        None, description="folder: label maps (PNG, TIFF, npy, mat) named as the images are"
    )
    split: str | None = Field(
        None, description="train, val, test or all; by default test where there is one, else all"
    )
