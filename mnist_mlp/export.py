"""`python -m mnist_mlp.export`: a trained net as a file for other programs, ONNX or safetensors."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from mnist_mlp.batches import Inputs
from mnist_mlp.errors import InputError, one_sentence_errors
from mnist_mlp.files import write_whole
from mnist_mlp.options import Parser
from mnist_mlp.trained import METADATA_KEY, SAFETENSORS, Trained, named_or_found_net, to_safetensors

Format = Literal["onnx", "safetensors"]
OPSET = 18


class FromPixels(nn.Module):
    """The net with what makes its input inside: it takes the article's pixels, 0 paper to 1 ink."""

    def __init__(self, net: nn.Module, inputs: Inputs) -> None:
        super().__init__()
        self.net = net
        self.inputs = inputs._replace(factor=255 * inputs.factor)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 1, 28, 28) -> (B, 10), the output neurons' activations."""
        activations: Tensor = self.net(self.inputs(images[:, 0]))
        return activations


def to_onnx(trained: Trained) -> bytes:
    """The content of an .onnx file: input "images" (batch, 1, 28, 28) float32, 0 paper to 1 ink, of MNIST's form;
    output "activations" (batch, 10). The settings are in its metadata.

    Raises:
        InputError: a package that PyTorch needs for it is not installed.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 (torch.onnx imports it)
    except ImportError as error:
        raise InputError(
            "for ONNX the packages onnx and onnxscript are needed; install them: python -m pip install onnx onnxscript."
        ) from error
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # for the authors of exporters
        program = torch.onnx.export(
            FromPixels(trained.net, trained.inputs).eval(),
            (torch.zeros(2, 1, 28, 28),),
            input_names=["images"],
            output_names=["activations"],
            dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    model.metadata_props.add(key=METADATA_KEY, value=trained.settings())
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def export(args: Sequence[str] | None = None) -> None:
    """Run the command with these options; None takes those of the process.

    Raises:
        InputError: something given cannot be used; no file is left half-written.
    """
    parser = Parser(
        prog="python -m mnist_mlp.export",
        description="Write a trained net as a file for other programs. The ONNX file takes images of MNIST's form, "
        "(batch, 1, 28, 28) with 0 for paper and 1 for ink, and gives the ten output activations of each. The "
        "safetensors file holds the weights and biases, and all settings as JSON in its metadata.",
    )
    parser.add_argument("--out", type=str, required=True, metavar="FILE", help="The file to write.")
    parser.add_argument(
        "--format", type=Format | None, default=None, help="Left out, it is told by the ending of FILE."
    )
    parser.add_ckpt_argument(own_first=True)
    parser.add_argument("--half", action="store_true", help="Weights as float16, half the size; safetensors only.")
    parser.add_argument("--force", action="store_true", help="Write over a file that is there already.")
    options = parser.parse_args(args)
    path = Path(options.out)
    form = options.format or path.suffix.lstrip(".")
    if form not in get_args(Format):
        raise InputError(f"the ending of {path} is neither .onnx nor {SAFETENSORS}; say which with --format.")
    if options.half and form == "onnx":
        raise InputError(f"--half is for {SAFETENSORS} files; leave it out for ONNX, or write safetensors.")
    if path.is_dir() or (path.exists() and not options.force):
        raise InputError(f"{path} is there already; give another --out, or --force to write over a file.")
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} to write {path.name} to; make it first.")
    trained = named_or_found_net(options.ckpt, own_first=True)
    content = to_onnx(trained) if form == "onnx" else to_safetensors(trained, options.half)
    try:
        write_whole(path, content)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; give another --out.") from error
    print(f"wrote {path}, {len(content):,} bytes")


def main() -> None:
    with one_sentence_errors():
        export()


if __name__ == "__main__":
    main()
