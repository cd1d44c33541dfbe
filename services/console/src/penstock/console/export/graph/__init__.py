"""A model as an ONNX graph, family by family: each operation as the estimator does it, in doubles."""
