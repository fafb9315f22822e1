"""Examples at the end of each command's page of help."""

_EXAMPLES = {
    "": (
        ("spam-pipe demo", "embedded pictures"),
        ("spam-pipe run photos/", "your own images"),
        ("spam-pipe export borders --what overlays", "files for other programs"),
    ),
    "run": (
        ("spam-pipe run photos/", "all images of a folder"),
        ("spam-pipe run a.jpg b.jpg -k 50,200", "two images, two numbers"),
        ("spam-pipe run bsd --limit 10 --method snic", "a dataset, a method"),
        ("spam-pipe run photos/ --masks masks/", "keep to your segmentations"),
        ("spam-pipe run photos/ --attention visual", "denser where it matters"),
        ("spam-pipe run photos/ --set segment.compactness=10", "more regular"),
    ),
    "demo": (("spam-pipe demo", "runs everything, says where the page is"),),
    "propose": (
        ("spam-pipe propose --dataset bsd --limit 10", "contours, for ten images"),
        ("spam-pipe propose --dataset photos/ --prior sam", "masks of SAM"),
    ),
    "prior": (
        ("spam-pipe prior --dataset bsd", "proposals, then objects"),
        ("spam-pipe prior --dataset photos/ --masks masks/", "your segmentations"),
    ),
    "segment": (
        ("spam-pipe segment", "go on with the run used last"),
        ("spam-pipe segment -k 50,100,200", "other numbers"),
        ("spam-pipe segment --method slic --reset", "another method, else defaults"),
    ),
    "evaluate": (("spam-pipe evaluate", "metrics of the run used last"),),
    "report": (
        ("spam-pipe report", "of the run used last"),
        ("spam-pipe report --run bsd --paper", "with a plate and a LaTeX table"),
    ),
    "sweep": (
        ("spam-pipe sweep prior-ablation --dataset bsd --limit 20", "a shipped one"),
        ("spam-pipe sweep mine.toml --dataset photos/", "your own"),
    ),
    "serve": (
        ("spam-pipe serve photos/", "opens the browser"),
        ("spam-pipe serve photos/a.jpg --no-browser", "prints the address alone"),
    ),
    "train": (
        ("spam-pipe train --minutes 30", "the default network"),
        ("spam-pipe train --dataset photos/ --ground-truth truth/", "your images"),
    ),
    "warmup": (("spam-pipe warmup", "once, after installing"),),
    "doctor": (("spam-pipe doctor", "what this machine offers"),),
    "status": (
        ("spam-pipe status", "the run used last"),
        ("spam-pipe status --run bsd", "another run"),
    ),
    "verify": (
        ("spam-pipe verify", "reads everything back"),
        ("spam-pipe verify --recompute 3 --repair", "computes three again, mends"),
    ),
    "export": (
        ("spam-pipe export to", "label images"),
        ("spam-pipe export to --what overlays -k 400", "borders on the images"),
        ("spam-pipe export to --what polygons --format geojson", "for a map"),
        ("spam-pipe export to --what table --one-file", "one table of all images"),
    ),
    "annotate": (
        ("spam-pipe annotate clicks.csv", "masks of classes from clicks"),
        ("spam-pipe annotate --simulate 50", "what each method spares you"),
    ),
    "datasets": (
        ("spam-pipe datasets", "what is here"),
        ("spam-pipe datasets fetch bsd", "get one"),
    ),
    "datasets fetch": (
        ("spam-pipe datasets fetch bsd", "to the user's cache"),
        ("spam-pipe datasets fetch nyuv2 --to data", "to a folder"),
    ),
    "weights": (("spam-pipe weights", "what is here"),),
    "weights show": (("spam-pipe weights show efficientunet", "the default network"),),
    "weights verify": (("spam-pipe weights verify", "all that are here"),),
    "weights export": (("spam-pipe weights export efficientunet", "efficientunet.onnx"),),
    "weights fetch": (("spam-pipe weights fetch sam-vit-b", "for --prior sam"),),
}


def command_lines(command: str) -> list[str]:
    """Return a command's examples alone, as they are typed."""
    return [line for line, _ in _EXAMPLES[command]]


def examples(command: str = "") -> str:
    """Return the end of a command's page: its examples, and what each is for."""
    lines = _EXAMPLES[command]
    width = max(len(line) for line, _ in lines)
    shown = [f"{line:<{width}}  [dim]{about}[/dim]" for line, about in lines]
    return "\n".join(["[bold]Examples[/bold]", *shown])
