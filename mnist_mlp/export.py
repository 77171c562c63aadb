"""`python -m mnist_mlp.export`: write a trained net as an ONNX or a safetensors file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from mnist_mlp.errors import InputError, run_command
from mnist_mlp.files import write_atomically
from mnist_mlp.options import Parser

Format = Literal["onnx", "safetensors"]


def export(args: Sequence[str] | None = None) -> None:
    """Run the command.

    Args:
        args: its options; None takes those of the process.

    Raises:
        InputError: an option or the net cannot be used, or the file cannot be written. No partial file is left.
    """
    parser = Parser(
        prog="python -m mnist_mlp.export",
        description="Write a trained net as a file for other programs. The ONNX net takes images in MNIST's form, "
        "(batch, 1, 28, 28) from 0 for paper to 1 for ink, and returns ten output activations for each image. The "
        "safetensors file holds the weights and biases, with all settings as JSON in its metadata.",
    )
    parser.add_argument("--out", type=str, required=True, metavar="FILE", help="The file to write.")
    parser.add_argument(
        "--format", type=Format | None, default=None, help="The default follows from the ending of FILE."
    )
    parser.add_ckpt_argument(prefer_own_runs=True)
    parser.add_argument("--half", action="store_true", help="Store float16 weights, half the size; safetensors only.")
    parser.add_argument("--force", action="store_true", help="Overwrite an existing file.")
    options = parser.parse_args(args)
    path = Path(options.out)
    form = options.format or path.suffix.lstrip(".")
    if form not in get_args(Format):
        raise InputError(f"the ending of {path} is neither .onnx nor .safetensors; give the format with --format.")
    if options.half and form == "onnx":
        raise InputError("--half is for .safetensors files; leave it out for ONNX, or write safetensors.")
    if path.is_dir() or (path.exists() and not options.force):
        raise InputError(f"{path} already exists; give another --out, or --force to overwrite a file.")
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} to write {path.name} to; create it first.")

    # These imports take seconds, so --help and errors in the options come before them.
    from mnist_mlp.inference.find import named_or_found_net
    from mnist_mlp.inference.load import to_safetensors
    from mnist_mlp.inference.onnx import to_onnx

    trained = named_or_found_net(options.ckpt, prefer_own_runs=True)
    content = to_onnx(trained) if form == "onnx" else to_safetensors(trained, options.half)
    try:
        write_atomically(path, content)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; give another --out.") from error
    print(f"wrote {path}, {len(content):,} bytes")


if __name__ == "__main__":
    run_command(export)
