"""The names of the classes: what the labels of a data set stand for."""

from collections.abc import Sequence

DIGITS = tuple("0123456789")
# As torchvision's `classes`, in lower case.
FASHION = ("t-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
CLASS_NAMES = {"MNIST": DIGITS, "FashionMNIST": FASHION, "KMNIST": KUZUSHIJI, "QMNIST": DIGITS}


def class_name(names: Sequence[str], label: int) -> str:
    """Return the name of a label. An output neuron without a class, as fewer than ten classes leave, has a number."""
    return names[label] if label < len(names) else f"output {label}"
