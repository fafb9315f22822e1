"""What users say of images, as CSV and JSON."""

import json


def prompt_tables() -> list[bytes]:
    """Return prompts as CSV."""
    return [
        b"image,x,y\na,1,2\na,3,4.5\nb/c,0,0\n",
        b"image,x,y,label,x0,y0,x1,y1,object\na,1,2,1,0,0,5,5,cat\na,3,2,0,,,,,cat\nb,,,,1,2,3,4,\n",
    ]


def prompts() -> list[bytes]:
    """Return prompts as JSON."""
    entry = {"points": [[1, 2], [3.5, 4]], "labels": [1, 0], "box": [0, 0, 5, 6]}
    return [json.dumps({"a": [entry], "b": [{"box": [1, 2, 3, 4]}]}).encode()]


def factor_tables() -> list[bytes]:
    """Return factors as CSV."""
    return [
        b"image,x,y,factor\na,1,2,3\nb.png,4,5,0.5\n",
        b"image;object;factor\na;1;2\na;2;0.25\n",
        b"image,number,x,y,k,factor\na,1,5,6,100,2\n",
    ]


def factors() -> list[bytes]:
    """Return factors as JSON."""
    rows = [
        {"image": "a", "x": 10, "y": 20, "factor": 2},
        {"image": "b", "object": 3, "factor": 1.5},
    ]
    return [json.dumps(rows).encode()]


def mark_tables() -> list[bytes]:
    """Return clicks of annotators as CSV."""
    return [b"image,x,y,class\na,1,2,sky\nb.png,4,5,grass\n", b"image;object;class\na;1;2\nb;2;1\n"]


def marks() -> list[bytes]:
    """Return clicks of annotators as JSON."""
    return [json.dumps([{"image": "a", "x": 10, "y": 20, "class": "sky"}]).encode()]
