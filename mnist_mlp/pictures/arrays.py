"""Images from numpy, torch, PIL or lists as bytes: 0 to 255, whatever their type and scale were."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnist_mlp.errors import InputError

Bytes = NDArray[np.uint8]

WHITE = 255
LEAST_WHITE = 16  # floats whose largest value is between 1 and this are neither 0 to 1 nor 0 to 255
SIDE = 28


def mnist_images(images: Any) -> Bytes:
    """Return images in MNIST's form as (N, 28, 28) bytes.

    Args:
        images: (28, 28), (N, 28, 28), (N, 1, 28, 28), (N, 28, 28, 1), (784,) or (N, 784); a numpy array, a tensor, a
            PIL image or lists of these. `as_bytes` says which types and scales.

    Raises:
        InputError: of another shape, type or scale. The message names shape and type.
    """
    values = _array(images)
    shape = values.shape
    flat = shape[-1:] == (SIDE * SIDE,) and len(shape) <= 2
    square = shape[-2:] == (SIDE, SIDE) and (len(shape) <= 3 or (len(shape) == 4 and shape[1] == 1))
    channel_last = shape[-3:] == (SIDE, SIDE, 1) and len(shape) <= 4
    if not (flat or square or channel_last):
        raise InputError(f"images of shape {shape} ({values.dtype}) are not (28, 28), (N, 28, 28) or (N, 1, 28, 28).")
    return as_bytes(values).reshape(-1, SIDE, SIDE)


def picture(image: Any) -> Image.Image:
    """Return one picture of any size.

    Args:
        image: (H, W), grey; (H, W, C) or (C, H, W) with C = 1 grey, 2 grey with opacity, 3 RGB or 4 RGBA; (784,). A
            numpy array, a tensor or lists. `as_bytes` says which types and scales. Leading axes of length 1 are left
            out.

    Raises:
        InputError: of another shape, type or scale. The message names shape and type.
    """
    values = _array(image)
    shape, dtype = values.shape, values.dtype
    values = as_bytes(values)
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    if values.shape == (SIDE * SIDE,):
        values = values.reshape(SIDE, SIDE)
    if values.ndim == 3 and values.shape[0] <= 4 < values.shape[2]:
        values = np.moveaxis(values, 0, 2)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if not (values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (2, 3, 4))) or 0 in values.shape:
        raise InputError(f"an array of shape {shape} ({dtype}) is not one picture, (H, W), (H, W, 3) or (3, H, W).")
    return Image.fromarray(np.ascontiguousarray(values))


def as_bytes(values: NDArray[Any]) -> Bytes:
    """Return the values as bytes, 0 to 255.

    Booleans and whole numbers that are all 0 or 1 become 0 or 255. Other whole numbers are 0 to 255, and those of
    16 bits above 255 are 0 to 65,535. Floats are 0 to 1 if none is larger than 1, and 0 to 255 otherwise.

    Raises:
        InputError: values are negative, too large, not finite, on an unknown scale, or no real numbers.
    """
    kind = f"of type {values.dtype} and shape {values.shape}"
    if values.dtype.kind not in "buif":
        raise InputError(f"an array {kind} does not hold real numbers.")
    if values.size == 0 or values.dtype == bool:
        return np.asarray(values.astype(np.uint8) * np.uint8(WHITE))
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError(f"an array {kind} holds values that are not finite.")
    if low < 0:
        message = f"an array {kind} holds values from {low:.4g} to {high:.4g}; give 0 to 1 or 0 to 255, not normalised."
        raise InputError(message)
    if high <= 1:
        return np.asarray(np.rint(values * float(WHITE)), dtype=np.uint8)
    if values.dtype == np.uint16 and high > WHITE:
        return np.asarray(values // 257, dtype=np.uint8)
    if high > WHITE or (values.dtype.kind == "f" and high < LEAST_WHITE):
        raise InputError(f"an array {kind} holds values from {low:.4g} to {high:.4g}; give 0 to 1 or 0 to 255.")
    return np.asarray(np.rint(values), dtype=np.uint8)


def _array(images: Any) -> NDArray[Any]:
    """Return a numpy array of what is an array, a tensor, an image, or lists of these."""
    try:
        if isinstance(images, (list, tuple)):
            return np.stack([_array(image) for image in images]) if len(images) else np.zeros(0)
        if hasattr(images, "detach"):  # a tensor; torch is not imported here
            tensor = images.detach().cpu()
            return np.asarray((tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy())
        return np.asarray(images)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"a {type(images).__name__} is no array of numbers; give (28, 28) or (N, 28, 28).") from error
