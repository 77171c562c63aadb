"""Train scikit-learn's MLPClassifier until it classifies 98% of the test images correctly.

Arguments: the settings of configs/default.yaml as JSON, and the folder where torchvision finds MNIST.
"""

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

GOAL = 0.98
MOST_EPOCHS = 50


def main() -> None:
    settings, root = json.loads(sys.argv[1]), Path(sys.argv[2])
    images, labels = read(root, "train")
    test_images, test_labels = read(root, "t10k")
    # The defaults are ReLU, cross-entropy, Adam and mini-batches of 200.
    net = MLPClassifier(hidden_layer_sizes=settings["model"]["hidden_sizes"], random_state=settings["seed_everything"])
    accuracy, epochs = 0.0, 0
    while accuracy < GOAL and epochs < MOST_EPOCHS:
        net.partial_fit(images, labels, classes=range(10))
        accuracy, epochs = float(net.score(test_images, test_labels)), epochs + 1
    print(f"test accuracy {accuracy:.2%} after {epochs} epochs")


def read(root: Path, split: str) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Read images, (N, 784) in 0..1, and labels, (N,), from MNIST's files, whose headers have 16 and 8 bytes."""
    raw = root / "MNIST" / "raw"
    images = np.fromfile(raw / f"{split}-images-idx3-ubyte", np.uint8, offset=16).reshape(-1, 784)
    labels = np.fromfile(raw / f"{split}-labels-idx1-ubyte", np.uint8, offset=8)
    return images.astype(np.float32) / np.float32(255), labels


if __name__ == "__main__":
    main()
