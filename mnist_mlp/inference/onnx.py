"""Export a trained net as an ONNX file that contains its preprocessing and its settings."""

import logging
import warnings

import torch
from torch import Tensor, nn

from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.errors import InputError
from mnist_mlp.inference.load import METADATA_KEY
from mnist_mlp.inference.trained import Trained

OPSET = 18


class FromPixels(nn.Module):
    """The net together with its preprocessing. It takes pixels from 0 for paper to 1 for ink, as in the article."""

    def __init__(self, net: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.net = net
        self.preprocessing = preprocessing._replace(factor=255 * preprocessing.factor)

    def forward(self, images: Tensor) -> Tensor:
        """Compute the output activations: (B, 1, 28, 28) -> (B, 10)."""
        activations: Tensor = self.net(self.preprocessing(images[:, 0]))
        return activations


def to_onnx(trained: Trained) -> bytes:
    """Return the content of an ONNX file, with the net's settings in its metadata.

    Its input is "images", (batch, 1, 28, 28) float32, in MNIST's form, from 0 for paper to 1 for ink. Its output is
    "activations", (batch, 10) float32.

    Raises:
        InputError: a package that PyTorch's exporter needs is not installed.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 (torch.onnx imports it)
    except ImportError as error:
        raise InputError(
            "ONNX export needs the packages onnx and onnxscript; install them: python -m pip install onnx onnxscript."
        ) from error
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they address the authors of exporters
        program = torch.onnx.export(
            FromPixels(trained.net, trained.preprocessing).eval(),
            (torch.zeros(2, 1, 28, 28),),
            input_names=["images"],
            output_names=["activations"],
            dynamic_shapes={"images": {0: torch.export.Dim.AUTO}},  # torch 2.6 refuses a name
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    model.metadata_props.add(key=METADATA_KEY, value=trained.settings())
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
