"""A trained net in use.

`find.py` and `load.py` find and read it, `trained.py` is the net with its preprocessing, `confidence.py` says which
answers are sure, `evaluation.py` computes the metrics of a split, `onnx.py` exports, and `forward.py` shows each layer.
"""
